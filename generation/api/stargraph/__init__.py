"""Contract `stargraph` (002 §5–7): creating, tasks, resources."""
