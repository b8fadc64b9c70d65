"""Lists of people from elsewhere to a directory file. Nothing is repaired: a bad row is named."""
