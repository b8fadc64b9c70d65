"""Where bundle files come from, one module for each kind of place. The only I/O of this room."""
