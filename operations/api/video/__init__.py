"""The showcase as the `video` contract speaks of it (000 §6)."""
