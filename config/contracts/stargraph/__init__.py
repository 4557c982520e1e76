"""The `stargraph` contract's kit (document 002): the full envelope, E00x codes, pages of `content`, times of UTC+8 without zone."""
