"""Contract `stargraph` (002 §4): the caller's profile, and people for operators."""
