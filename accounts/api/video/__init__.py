"""Contract `video`: sign-in and the user (000 §1–2, 001 §1 and §4)."""
