"""Contract `studio`: the shop (003, `credit/*`)."""
