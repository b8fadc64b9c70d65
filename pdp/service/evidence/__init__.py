"""What a server gives as evidence: signed tree heads off the host, receipts, reported outcomes."""
