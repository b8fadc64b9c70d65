"""Static checks of a program without errors: what costs too much, means nothing or misleads."""
