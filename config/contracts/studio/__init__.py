"""The `studio` contract's kit (document 003): `{code, message, data}`, pages by number, times of UTC+8 without zone."""
