"""How often Python looks for cycles of garbage in a process that serves."""

import gc


def collect_seldom() -> None:
    """What is loaded now is never looked at again, and the rest seldom: with thousands of connections each look costs a pause."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
