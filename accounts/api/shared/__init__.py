"""What `stargraph` (002 §2) and `studio` (003) share: /api/v1/auth/*; answers are the union of both documents' fields."""
