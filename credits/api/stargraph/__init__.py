"""Contract `stargraph` (002 §4): balance and fund records."""
