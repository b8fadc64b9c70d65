"""Stop orders: what an operator denies from now on, kept through restarts. Serves no calls."""
