"""Sets and directory bundles put together and signed, from parts that are made elsewhere. Pure."""
