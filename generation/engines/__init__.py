"""Upstreams that make things: one adapter a folder, chosen by `registry`."""
