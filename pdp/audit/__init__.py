"""The decision log as a table: rows of records, queries over them, exports. Reads the log only."""
