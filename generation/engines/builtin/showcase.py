"""Prompts that the demo's showcase is made from: titles, descriptions and tags in both languages, and the parameters of each kind."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class ShowcasePiece:
    """One showcase video. `params` are those of a `text-to-video` task of the `video` contract."""

    slug: str
    title_zh: str
    title_en: str
    description_zh: str
    description_en: str
    tags_zh: tuple[str, ...]
    tags_en: tuple[str, ...]
    prompt: str
    aspect_ratio: str = "landscape"
    quality: str = "standard"
    seed: int = 0
    kind: str = "text-to-video"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def params(self) -> dict[str, Any]:
        """What the engine is asked for."""
        told = {"prompt": self.prompt, "aspect_ratio": self.aspect_ratio, "quality": self.quality, "seed": self.seed}
        return {**told, **self.extra}


SHOWCASE: tuple[ShowcasePiece, ...] = (
    ShowcasePiece(
        "whale-passing",
        "蓝鲸经过",
        "A Whale Passing",
        "水下三十米，鲸和幼鲸从鱼群旁游过，光从水面一束一束落下来。",
        "Thirty metres down, a whale and her calf pass a shoal while light falls in rays from the surface.",
        ("海洋", "动物"),
        ("ocean", "animals"),
        "水下三十米，一头蓝鲸带着幼鲸缓缓经过，光从水面一束一束落下来",
    ),
    ShowcasePiece(
        "sunset-sail",
        "落日归帆",
        "Sailing Home",
        "太阳贴着海面，一叶帆船从碎金里驶过。",
        "The sun rests on the sea and a small sail crosses the glitter.",
        ("海洋", "日落"),
        ("ocean", "sunset"),
        "A beautiful sunset over the ocean, a small sail boat, waves gently rolling, birds far away",
        seed=3,
    ),
    ShowcasePiece(
        "night-watch",
        "守夜",
        "Night Watch",
        "月光下的海岸，灯塔的光一圈一圈扫过。",
        "A moonlit coast, the beam of a lighthouse going round.",
        ("海洋", "夜"),
        ("ocean", "night"),
        "灯塔立在夜晚的海岸上，光束缓缓扫过，月亮照着海面",
        aspect_ratio="portrait",
        seed=1,
    ),
    ShowcasePiece(
        "towards-the-sun",
        "三个人走向太阳",
        "Towards the Sun",
        "沙丘一层压着一层，三个人在远处的沙脊上走。",
        "Dune folds over dune; three people walk along a far crest.",
        ("沙漠", "日落"),
        ("desert", "sunset"),
        "日落时的沙漠，三个人走在沙丘上",
        seed=2,
    ),
    ShowcasePiece(
        "last-tram",
        "末班电车，雪",
        "Last Tram, Snow",
        "雪夜的城，红色电车沿着河岸慢慢开过去。",
        "A city in the snow; a red tram passes slowly along the river.",
        ("城市", "雪"),
        ("city", "snow"),
        "雪夜，一辆红色电车驶过城市的街道，窗里亮着灯",
        seed=4,
    ),
    ShowcasePiece(
        "crossing-the-river",
        "过江",
        "Crossing the River",
        "水墨山水，雾在山间，一叶舟过江。",
        "Mountains in ink, mist between them, one boat on the river.",
        ("水墨", "山水"),
        ("ink", "landscape"),
        "水墨山水，群山起伏，云雾缭绕，江上一叶扁舟",
        aspect_ratio="portrait",
        seed=5,
    ),
    ShowcasePiece(
        "letter-from-the-woods",
        "雪地来信",
        "Letter from the Woods",
        "雪后的林子，一只狐狸从树间走过。",
        "Woods after snow; a fox walks between the trunks.",
        ("森林", "动物"),
        ("forest", "animals"),
        "A fox walks through a quiet forest in the snow at dawn",
        seed=8,
    ),
    ShowcasePiece(
        "balloons-at-dawn",
        "清晨的气球",
        "Balloons at Dawn",
        "草坡上开着花，热气球一只一只升起来。",
        "Flowers on the slope, and one balloon after another rising.",
        ("草原", "清晨"),
        ("meadow", "morning"),
        "清晨的草原开满鲜花，热气球缓缓升上天空",
        seed=6,
    ),
)
