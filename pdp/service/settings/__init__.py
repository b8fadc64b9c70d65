"""The table of settings, and how each form is read. Reads no file."""
