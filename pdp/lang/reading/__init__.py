"""Steps between text and tree: scanner, builder and the wording of what was expected."""
