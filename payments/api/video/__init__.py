"""Payments as the `video` contract speaks of them (000 §5, 001 §5)."""
