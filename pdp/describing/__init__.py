"""Policies in plain words, for the people who sign them: text out of a checked program. No I/O."""
