"""Moderators: who judges what people ask for before it costs anything. One file each; `generation/services/moderation.py` asks them."""
