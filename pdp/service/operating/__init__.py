"""What an operator sees and does: status, activation, stop and resume, over a socket of its own."""
