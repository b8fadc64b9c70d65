"""Room `authoring`: first drafts of policy files for people to review; no I/O, no decision."""
