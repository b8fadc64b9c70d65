"""Which rules can matter, how risky a request is, what shadow rules say. Decides no effect."""
