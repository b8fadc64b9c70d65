"""Checked conditions to Python functions: places, shapes, code, cells. Decides nothing."""
