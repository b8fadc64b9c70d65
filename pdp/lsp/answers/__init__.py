"""One file per question an editor asks, each a pure function over a workspace."""
