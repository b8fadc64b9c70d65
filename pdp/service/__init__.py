"""The front doors around pure handlers. No decision is made in here."""
