"""Answers to editors about policy files: a pure core, and one thin layer that speaks LSP."""
