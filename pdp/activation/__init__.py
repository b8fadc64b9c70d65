"""Trusted bytes to a program that may decide, and the way there: build, prove, keep, swap."""
