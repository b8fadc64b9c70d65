"""What is declared: bundles, schema, names and their values, before any condition is typed."""
