"""Letters that look like others: whoever reads a text sees the same word."""

from __future__ import annotations

import string

ALIKE = {
    "a": "аαɑᴀ@", "b": "вβʙ", "c": "сϲᴄ", "d": "ԁđᴅ", "e": "еεᴇ3", "f": "ꜰ", "g": "ɡɢց", "h": "нһħʜհ", "i": "іιıɪɩ", "j": "јᴊ", "k": "кκᴋ",
    "l": "ӏłʟ", "m": "мᴍ", "n": "ηɴո", "o": "оοøᴏօ0", "p": "рρᴘ", "q": "ԛ", "r": "ʀɾ", "s": "ѕꜱ$", "t": "тτŧᴛ", "u": "υᴜս", "v": "νᴠ",
    "w": "ԝωᴡ", "x": "хχ", "y": "уγʏ", "z": "ᴢ",
}  # fmt: skip
"""A Latin letter → what is written in its place: letters of other writings, small capitals, 0, 3, @ and $. All in lower case."""
DRAWN_FROM = (0x1F150, 0x1F170, 0x1F1E6)
"""Where the alphabets begin that are drawn white on black, in circles and in squares, and that of flags."""
ONE_AS = ("i", "l")
_ALIKE = {
    **{ord(sign): letter for letter, signs in ALIKE.items() for sign in signs},
    **{first + place: letter for first in DRAWN_FROM for place, letter in enumerate(string.ascii_lowercase)},
}
LOOKS = tuple({**_ALIKE, ord("1"): letter} for letter in ONE_AS)
"""How a text can be read, each as a table for `str.translate`: a 1 stands for an i or for an l."""
