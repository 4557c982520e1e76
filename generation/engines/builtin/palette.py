"""What a prompt asks to see: the place, the light, the weather and the figures in it, picked from its words."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np

from generation.engines.builtin.canvas import Floats

WORDS: dict[str, dict[str, str]] = {
    "place": {
        "under": r"underwater|under ?the ?sea|coral|reef|whale|jellyfish|diver|水下|海底|珊瑚|鲸|水母|潜水",
        "space": r"space|galaxy|nebula|planet|cosmos|universe|astronaut|宇宙|银河|星云|行星|太空|宇航",
        "city": r"cit(y|ies)|street|skyline|skyscraper|downtown|neon|tokyo|new york|urban|tram|城市|街|霓虹|都市|高楼|巷|电车|上海|东京",
        "desert": r"desert|dunes?|sahara|sand(?!y beach)|camel|沙漠|沙丘|戈壁|骆驼|丝路",
        "sea": r"ocean|sea(?!son|t)|waves?|beach|coast|harbou?r|lighthouse|island|surf|sail|海|浪|沙滩|岛|港|灯塔|帆",
        "forest": r"forest|woods?\b|trees?\b|jungle|bamboo|fox|deer|森林|树|林|竹|狐|鹿",
        "meadow": r"meadow|grass|field|flowers?|farm|prairie|garden|spring|草|花|田|麦|春|牧|萤",
        "valley": r"mountains?|valley|river|lake|peaks?|hills?|alps|canyon|山|河|江|湖|峰|谷|水墨",
    },
    "light": {
        "ink": r"\bink\b|水墨|国画|shan ?shui",
        "neon": r"neon|cyberpunk|霓虹|赛博",
        "sunset": r"sunset|dusk|golden hour|evening|twilight|日落|黄昏|夕阳|傍晚|晚霞|余晖|落日|夕照",
        "dawn": r"sunrise|dawn|morning|daybreak|日出|清晨|黎明|早晨|晨|破晓|朝霞",
        "night": r"night|midnight|moon|stars?\b|starry|aurora|northern lights|firefl|lantern|夜|月|星|极光|萤|灯笼|孔明灯",
        "day": r"\bday\b|noon|sunny|blue sky|summer|afternoon|白天|晴|正午|夏|午后|蓝天",
    },
    "weather": {
        "snow": r"snow|winter|blizzard|ice\b|frost|雪|冬|冰",
        "rain": r"rain|storm|drizzle|umbrella|雨|暴风|雷",
        "fog": r"fog|mist|haze|雾|霭|烟",
    },
    "figure": {
        "lighthouse": r"lighthouse|灯塔",
        "boat": r"boat|ship|sail|fisherman|raft|ferry|船|舟|帆|渔|渡",
        "whale": r"whale|鲸",
        "fox": r"fox|deer|wolf|dog|狐|鹿|狼|狗",
        "cat": r"\bcats?\b|kitten|kitty|猫",
        "balloon": r"balloons?|热气球|气球",
        "lanterns": r"lanterns?|灯笼|孔明灯|天灯",
        "fireflies": r"firefl(y|ies)|萤",
        "birds": r"birds?|gulls?|geese|crane|鸟|鸥|雁|鹤|燕",
        "walkers": r"people|walk|man\b|woman|girl|boy|traveller|caravan|人|走|旅|行者",
        "aurora": r"aurora|northern lights|极光",
        "tram": r"tram|train|电车|火车|列车",
    },
}
PATTERNS = {group: [(name, re.compile(words, re.IGNORECASE)) for name, words in table.items()] for group, table in WORDS.items()}
PLACES = ("sea", "valley", "valley", "desert", "meadow", "forest")
LIGHTS = ("sunset", "dawn", "day", "night", "sunset")


@dataclass(frozen=True, slots=True)
class Light:
    """Colours of an hour: the sky from top to horizon, what is far and near, the disc in the sky and its glow."""

    sky: tuple[str, ...]
    far: str
    near: str
    disc: str
    glow: str
    is_dark: bool = False


LIGHTING: dict[str, Light] = {
    "sunset": Light(("#2a2f4a", "#6d3f55", "#a4524a", "#ef9a54", "#f8cf8c"), "#c9744a", "#1c0f1a", "#fff2cf", "#ffb869"),
    "dawn": Light(("#56789c", "#9db2c8", "#e6c6bd", "#f6d9bd", "#fbe9cf"), "#b3aebd", "#27394b", "#fff8e8", "#ffdcae"),
    "day": Light(("#3f88bd", "#7db6d8", "#b9dbe6", "#dcebe6", "#eef4ea"), "#a3c4c6", "#24523f", "#fffdf2", "#fff6d2"),
    "night": Light(("#060a1c", "#0d1734", "#182850", "#2a3f6e", "#4a5f8c"), "#33477a", "#05080f", "#f6f2df", "#9db6ea", True),
    "neon": Light(("#0d0a24", "#22124a", "#4b1c66", "#96306f", "#d8657a"), "#4a2468", "#07060f", "#ffe9d6", "#ff8fb0", True),
    "ink": Light(("#ece9df", "#e6e4db", "#dfe2dc", "#d3dad6", "#c9d2cf"), "#a6b6b3", "#20383f", "#c8371d", "#e3b3a2"),
    "rain": Light(("#263440", "#3b4d5a", "#566a75", "#77898f", "#9aa8a9"), "#74868d", "#111b22", "#dfe6e6", "#b9c6c8"),
    "snow": Light(("#6f8297", "#98a9b9", "#bdc9d2", "#d9e1e5", "#ebeff0"), "#aebbc7", "#31445a", "#ffffff", "#f2f5f7"),
    "under": Light(("#8fd6d2", "#37a3b0", "#12708a", "#0a4660", "#052638"), "#1a7f96", "#031a28", "#e8fff8", "#9fe8df"),
    "space": Light(("#030310", "#0a0820", "#170e36", "#2c1650", "#4d2363"), "#382058", "#05040c", "#ffe7c2", "#d79bff", True),
}
GREENERY = {"dawn": ("#aebfae", "#23483d"), "sunset": ("#b98a5a", "#1f2a1c"), "rain": ("#7f948a", "#13281f")}
"""Far and near of hours whose hills would else look bare where things grow."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be drawn."""

    place: str
    hour: str
    weather: str
    figures: frozenset[str]
    light: Light
    shunned: frozenset[str] = frozenset()
    """Figures that must not come by themselves either."""


def plan_of(prompt: str, rng: np.random.Generator, avoided: str = "") -> Plan:
    """What the words of the prompt ask for, without what `avoided` names; what they leave open is drawn by lot (from the seed)."""
    elsewhere = _without_figures(avoided)
    place = _first("place", prompt, elsewhere) or _by_lot("place", PLACES, elsewhere, rng)
    weather = _first("weather", prompt, avoided) or "clear"
    asked = _first("light", prompt, avoided) or None
    hour = asked or _by_lot("light", LIGHTS, avoided, rng)
    figures = _named("figure", prompt) - _named("figure", avoided)
    shunned = _named("figure", avoided)
    if place in ("under", "space"):
        return Plan(place, place, "clear", figures, LIGHTING[place], shunned)
    if weather in ("rain", "snow") and asked in (None, "day"):
        hour = weather
    if place == "city" and asked is None and weather == "clear":
        hour = "neon"
    light = LIGHTING[hour]
    if place in ("meadow", "forest") and hour in GREENERY:
        light = replace(light, far=GREENERY[hour][0], near=GREENERY[hour][1])
    return Plan(place, hour, weather, figures, light, shunned)


def _named(group: str, text: str) -> frozenset[str]:
    return frozenset(name for name, pattern in PATTERNS[group] if pattern.search(text))


def _without_figures(text: str) -> str:
    """The text without the words for figures: whoever wants no fox may still want the forest."""
    for _, pattern in PATTERNS["figure"]:
        text = pattern.sub(" ", text)
    return text


def _first(group: str, prompt: str, avoided: str) -> str:
    return next((name for name, pattern in PATTERNS[group] if pattern.search(prompt) and not pattern.search(avoided)), "")


def _by_lot(group: str, choices: tuple[str, ...], avoided: str, rng: np.random.Generator) -> str:
    """One of the choices that `avoided` does not name; any if it names them all."""
    left = [name for name in choices if name not in _named(group, avoided)] or list(choices)
    return left[int(rng.integers(len(left)))]


def colour(text: str) -> Floats:
    """`#rrggbb` as three numbers from 0 to 255."""
    return np.array([int(text[at : at + 2], 16) for at in (1, 3, 5)], np.float32)


def blended(first: str | Floats, second: str | Floats, share: float) -> Floats:
    """The colour that lies `share` (0–1) of the way from the first to the second."""
    one = colour(first) if isinstance(first, str) else first
    two = colour(second) if isinstance(second, str) else second
    mixed: Floats = (one * (1 - share) + two * share).astype(np.float32)
    return mixed


def gradient(stops: tuple[str, ...], height: int) -> Floats:
    """`height` colours from the first stop to the last, evenly spaced."""
    table = np.stack([colour(stop) for stop in stops])
    at = np.linspace(0, len(stops) - 1, height)
    columns = [np.interp(at, np.arange(len(stops)), table[:, channel]) for channel in range(3)]
    return np.stack(columns, axis=1).astype(np.float32)
