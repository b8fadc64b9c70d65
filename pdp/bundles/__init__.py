"""Bytes to trusted bytes. No compiler in here; only ``source`` does I/O."""
