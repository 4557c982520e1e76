"""The kit of what `stargraph` and `studio` share under /api/v1/ (documents 002 and 003): the union of their envelopes."""
