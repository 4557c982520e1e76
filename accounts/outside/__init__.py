"""Outside identity providers: each turns a one-time code into a proven identity."""
