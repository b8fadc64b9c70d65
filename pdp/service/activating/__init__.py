"""What a server does about bundles while it answers: time, trials, and the swap. No door."""
