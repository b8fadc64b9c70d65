"""Who must agree and to what exactly: requirements and, later, grants."""
