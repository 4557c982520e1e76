"""What the create page offers: each kind in people's words, with its choices, its offer and the model it asks for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

from generation.states import TaskState

PROMPT_LIMIT = 5000
"""Characters of a prompt (document 000 §3.1)."""


@dataclass(frozen=True, slots=True)
class Option:
    """One value of a choice; `shape` draws its frame."""

    value: str
    label: Any
    shape: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One parameter that is chosen; the first option is the default."""

    name: str
    label: Any
    options: tuple[Option, ...]

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

    @property
    def offer(self) -> str:
        """The price list's name for it."""
        return f"video/{self.name}"


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
PAGE_KINDS = {kind.name: kind for kind in (TEXT_TO_VIDEO, IMAGE_TO_VIDEO, ANIMATE_MOVE, ANIMATE_MIX)}

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
    "The built-in engine draws a preview from your words without any model: real video, made by rules. A film proper needs a real engine."
)


def kind_label(name: str) -> str:
    """The kind in people's words."""
    return str(PAGE_KINDS[name].label) if name in PAGE_KINDS else name


def facts_of(kind: str, params: dict[str, Any]) -> list[str]:
    """The chosen parameters in words: HD, 16:9."""
    choices = PAGE_KINDS[kind].choices if kind in PAGE_KINDS else ()
    return [choice.label_of(str(params[choice.name])) for choice in choices if choice.name in params]
