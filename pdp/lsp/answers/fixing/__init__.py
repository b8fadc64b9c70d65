"""How each kind of complaint is put right; the table is in ``quickfixes``."""
