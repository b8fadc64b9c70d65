"""What records name and do not hold, kept beside the log. Knows no policies."""
