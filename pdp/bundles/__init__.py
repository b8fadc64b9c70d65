"""Bytes to trusted bytes. No compiler in here; only ``sources`` does I/O."""
