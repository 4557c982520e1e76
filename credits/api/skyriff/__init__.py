"""Contract `skyriff`: the wallet (004 §4)."""
