"""STOMP 1.0–1.2, and what document 002 §8 says over it."""
