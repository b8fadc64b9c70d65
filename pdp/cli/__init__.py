"""The ``pdp`` command, one file per subcommand. Nothing imports this room."""
