"""The decision log as evidence: as a table, and decided again. Changes nothing in the log."""
