"""A checked program as bytes: for bundles, which carry it beside the policies people sign."""
