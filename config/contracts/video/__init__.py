"""The `video` contract's kit (documents 000 and 001): bare objects, `{detail}` errors, snake_case, UTC."""
