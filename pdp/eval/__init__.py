"""Checked policies to decisions. Time and randomness are arguments; no I/O."""
