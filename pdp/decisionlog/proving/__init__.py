"""What proves that a record is in the log: signed tree heads, and paths from a record to one."""
