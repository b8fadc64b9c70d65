"""Diagnostics and codes as text, JSON, SARIF and pages; nothing here checks."""
