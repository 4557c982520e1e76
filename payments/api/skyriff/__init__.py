"""Contract `skyriff`: products, payments, monthly cards, withdrawals (004 §9, §10, §13)."""
