"""The `skyriff` contract's kit (document 004): `{code, message, data}` with codes of its own, cursors, UTC."""
