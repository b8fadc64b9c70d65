"""Checked expressions to Python syntax trees. Nothing is compiled, run or decided here."""
