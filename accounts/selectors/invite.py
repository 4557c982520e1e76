"""Invite codes: every user has one from birth, told by their number and shuffled so that it tells no order."""

from __future__ import annotations

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
LENGTH = 7
SPACE = len(ALPHABET) ** LENGTH
FACTOR, SHIFT = 19_260_817_003, 8_675_309_551
"""An affine map of the numbers below `SPACE` onto themselves: `FACTOR` shares no divisor with it."""


def invite_code(user_id: int) -> str:
    """The user's code: seven letters and digits without look-alikes, unique, the same for ever."""
    number = (user_id * FACTOR + SHIFT) % SPACE
    letters = []
    for _ in range(LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return "".join(letters)


def invited_by(code: str) -> int | None:
    """The number that a code spells, whatever its case; None for what is no code. Whether such a user exists is not asked."""
    plain = code.strip().upper()
    if len(plain) != LENGTH or not set(plain) <= set(ALPHABET):
        return None
    number = 0
    for letter in reversed(plain):
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return int((number - SHIFT) * pow(FACTOR, -1, SPACE) % SPACE)
