"""The room in the console."""
