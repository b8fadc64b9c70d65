"""What comes with an effect: obligations, approvers, reasons. No rule is evaluated here."""
