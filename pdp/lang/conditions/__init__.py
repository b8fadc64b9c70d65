"""Conditions to typed expressions: scopes, paths, operators, the flow of ``has``."""
