"""`pdp bundle`: one file per command, and what they show. Nothing here decides what is trusted."""
