"""What denies in spite of the policies: stop orders, and policies that have expired. Pure."""
