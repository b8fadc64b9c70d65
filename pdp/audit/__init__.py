"""The decision log as evidence: what was decided is decided again. Writes nothing."""
