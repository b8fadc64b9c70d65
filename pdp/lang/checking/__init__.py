"""Policies, routes, risk, invariants and tests, checked; ``pdp.lang.checker`` combines them."""
