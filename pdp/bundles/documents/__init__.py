"""Documents that people sign: strict JSON in, typed values out, and back. Pure."""
