"""What the create page offers: each kind in people's words, with its choices, its offer and the model it asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, ngettext, pgettext_lazy

from generation.kinds import KINDS
from generation.states import TaskState

PROMPT_LIMIT = 5000
"""Characters of a prompt (document 000 §3.1)."""


def _nothing() -> Mapping[str, Any]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a choice; `shape` draws its frame, `params` is what it writes where that is not the choice's name and value."""

    value: str
    label: Any
    shape: str = ""
    params: Mapping[str, Any] = field(default_factory=_nothing)


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen, one parameter or two that go together; the first option is the default."""

    name: str
    label: Any
    options: tuple[Option, ...]

    def params_of(self, value: str) -> dict[str, Any]:
        """The parameters that `value` writes, of the kind's types."""
        return next((dict(option.params) for option in self.options if option.value == value and option.params), {self.name: value})

    def value_in(self, params: Mapping[str, Any]) -> str:
        """The value whose parameters are those of `params`; "" if none is."""
        values = (option.value for option in self.options if self.params_of(option.value).items() <= params.items())
        return next(values, "")

    def label_of(self, value: str) -> str:
        """The words of `value`."""
        return next((str(option.label) for option in self.options if option.value == value), value)


@dataclass(frozen=True, slots=True)
class Upload:
    """One file the kind takes: the form's field, the parameter its address goes into."""

    name: str
    param: str
    label: Any
    hint: Any
    accept: str
    media: str
    is_list: bool = False


FILM_HINT = _("Say who, where, and how the camera moves.")


@dataclass(frozen=True, slots=True)
class PageKind:
    """One kind as the create page offers it."""

    name: str
    label: Any
    icon: str
    alias: str
    choices: tuple[Choice, ...]
    uploads: tuple[Upload, ...] = ()
    has_prompt: bool = True
    is_timed: bool = field(default=False)
    contract: str = "video"
    prompt_hint: Any = FILM_HINT
    fixed: Mapping[str, Any] = field(default_factory=_nothing)
    """Parameters that nobody chooses."""

    @property
    def offer(self) -> str:
        """The price list's name for it."""
        return f"{self.contract}/{self.name}"


QUALITY = Choice("quality", _("Quality"), (Option("standard", _("Standard")), Option("hd", _("HD"))))
ASPECT = Choice("aspect_ratio", _("Frame"), (Option("landscape", "16:9", "w"), Option("portrait", "9:16", "v")))
MODE = Choice("mode", _("Mode"), (Option("wan-std", _("Standard")), Option("wan-pro", pgettext_lazy("mode", "Professional"))))
IMAGE_ACCEPT, VIDEO_ACCEPT = "image/jpeg,image/png,image/webp", "video/mp4,video/quicktime,video/webm"
IMAGE_HINT = _("JPG, PNG or WebP, up to 10 MB")
VIDEO_HINT = _("MP4, MOV or WebM, 1 to 30 seconds, up to 100 MB")

TEXT_TO_VIDEO = PageKind("text-to-video", _("Text to video"), "icons/film.svg", "sora2", (QUALITY, ASPECT))
IMAGE_TO_VIDEO = PageKind(
    "image-to-video",
    _("Image to video"),
    "icons/image.svg",
    "sora2",
    (QUALITY, ASPECT),
    (Upload("image", "image_urls", _("First picture"), IMAGE_HINT, IMAGE_ACCEPT, "image", is_list=True),),
)
_PERSON = Upload("image", "image_url", _("Picture of the person"), IMAGE_HINT, IMAGE_ACCEPT, "image")
ANIMATE_MOVE = PageKind(
    "animate-move",
    _("Move transfer"),
    "icons/runner.svg",
    "wan2.2-animate",
    (MODE,),
    (_PERSON, Upload("video", "video_url", _("Video of the movement"), VIDEO_HINT, VIDEO_ACCEPT, "video")),
    has_prompt=False,
    is_timed=True,
)
ANIMATE_MIX = PageKind(
    "animate-mix",
    _("Person swap"),
    "icons/swap.svg",
    "wan2.2-animate",
    (MODE,),
    (_PERSON, Upload("video", "video_url", _("Video to put them in"), VIDEO_HINT, VIDEO_ACCEPT, "video")),
    has_prompt=False,
    is_timed=True,
)


def _size(value: str, label: Any, shape: str, width: int, height: int) -> Option:
    return Option(value, label, shape, MappingProxyType({"width": width, "height": height}))


def _sizes(side: int, long: int, short: int) -> Choice:
    """Three frames (px), the square one first."""
    options = (
        _size("square", _("Square"), "q", side, side),
        _size("landscape", _("Wide"), "w", long, short),
        _size("portrait", _("Tall"), "v", short, long),
    )
    return Choice("size", _("Size"), options)


PICTURES = Choice("pictures", _("Pictures"), tuple(Option(str(n), str(n), "", MappingProxyType({"batch_size": n})) for n in (1, 2, 4)))
SCALE = Choice("scale", _("Enlarge"), tuple(Option(str(n), f"×{n}", "", MappingProxyType({"scale_factor": n})) for n in (2, 4)))
ANY_SEED = MappingProxyType({"seed": -1})
PICTURE_HINT = _("Say what is seen, in which light, and from where.")


def _picture_kind(name: str, label: Any, icon: str, choices: tuple[Choice, ...], upload: Upload | None = None) -> PageKind:
    return PageKind(
        name, label, icon, KINDS[name].model, choices, (upload,) if upload else (), contract="stargraph", prompt_hint=PICTURE_HINT,
        has_prompt="seed" in KINDS[name].limits, fixed=ANY_SEED if "seed" in KINDS[name].limits else _nothing(),
    )  # fmt: skip


def _picture(param: str, label: Any) -> Upload:
    return Upload("image", param, label, IMAGE_HINT, IMAGE_ACCEPT, "image")


LARGE, SMALL = _sizes(1024, 1344, 768), _sizes(768, 1024, 576)
TEXT_TO_IMAGE = _picture_kind("text2img", _("Text to image"), "icons/pen.svg", (PICTURES, LARGE))
IMAGE_TO_IMAGE = _picture_kind(
    "img2img", _("Image to image"), "icons/remix.svg", (PICTURES, SMALL), _picture("image_url", _("Picture to start from"))
)
UPSCALE = _picture_kind("upscale", _("Upscale"), "icons/full.svg", (SCALE,), _picture("image_url", _("Picture to enlarge")))
POSE = _picture_kind("pose", _("Pose"), "icons/runner.svg", (PICTURES, SMALL), _picture("pose_image_url", _("Picture of the pose")))
PAGE_KINDS = {
    kind.name: kind for kind in (TEXT_TO_VIDEO, IMAGE_TO_VIDEO, ANIMATE_MOVE, ANIMATE_MIX, TEXT_TO_IMAGE, IMAGE_TO_IMAGE, UPSCALE, POSE)
}
OTHER_LABELS: dict[str, Any] = {"text2video": _("Text to short video"), "img2video": _("Image to short video")}
"""Kinds that pages show and do not offer."""

STATE_LABELS: dict[str, Any] = {
    TaskState.PENDING: _("Queued"),
    TaskState.RUNNING: _("Rendering"),
    TaskState.SUCCEEDED: _("Finished"),
    TaskState.FAILED: _("Failed"),
    TaskState.CANCELLED: _("Cancelled"),
    TaskState.TIMEOUT: _("Timed out"),
}
TROUBLE: dict[str, Any] = {
    "engine_failed": _("The engine failed again and again."),
    "timeout": _("The engine was not done in time; we asked it before we gave up."),
    "queue_timeout": _("No engine became free in time."),
    "model_retired": _("This model is no longer offered."),
    "internal": _("Something went wrong on our side."),
    "insufficient_credits": _("The real length of the video costs more than you have."),
    "input_invalid": _("A file for it could not be used."),
    "file_too_large": _("A file for it could not be used."),
    "media_too_large": _("The picture would become too large: at most 8192 pixels a side and 50 megapixels."),
    "picture_too_large": _("The picture would become too large: at most 8192 pixels a side and 50 megapixels."),
    "engine_busy": _("Every engine for this was too busy, again and again."),
    "engine_refused": _("The engine refused this."),
}
"""What an ended task says, by its error code; its credits are told beside it."""
ENGINE_TEXTS = (
    gettext_noop("The engine refused this request."),
    gettext_noop("The engine refused this request (it was asked to)."),
    gettext_noop("An input is missing."),
    gettext_noop("The input video is longer than 30 seconds."),
    gettext_noop("This engine does not make this kind."),
)
"""What our own adapters say when they refuse; kept with the task and translated when it is shown."""
ENGINE_NOTE = _(
    "The built-in engine draws previews without any model: real pictures and videos, made by rules. Finer work needs a real engine."
)


def kind_label(name: str) -> str:
    """The kind in people's words."""
    return str(PAGE_KINDS[name].label if name in PAGE_KINDS else OTHER_LABELS.get(name, name))


def facts_of(kind: str, params: dict[str, Any]) -> list[str]:
    """The chosen parameters in words: HD, 16:9; 1024 × 1024, 4 pictures; ×2."""
    choices = PAGE_KINDS[kind].choices if kind in PAGE_KINDS else ()
    words = [choice.label_of(str(params[choice.name])) for choice in choices if choice.name in params]
    if params.get("width") and params.get("height"):
        words.append(f"{params['width']} × {params['height']}")
    if params.get("scale_factor"):
        words.append(f"×{params['scale_factor']}")
    return [*words, *pictures_text(kind, params)]


def pictures_text(kind: str, params: Mapping[str, Any]) -> list[str]:
    """How many pictures were asked for, where it is more than one."""
    count = KINDS[kind].pictures(params) if kind in KINDS else 1
    return [ngettext("%(n)s picture", "%(n)s pictures", count) % {"n": count}] if count > 1 else []
