"""Charter: text to checked policies. Knows nothing of requests at run time; no I/O."""
