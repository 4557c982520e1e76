"""Doors that stay open: streams of a user's events, plain ASGI beside Django."""
