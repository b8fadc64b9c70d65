"""The parts of the checker, one noun each; ``pdp.lang.checker`` puts them together."""
