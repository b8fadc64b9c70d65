"""Who must agree and to what exactly: requirements, the request digest and, later, grants."""
