"""Requests to bound requests: names and values checked against the schema and typed."""
