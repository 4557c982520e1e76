"""Kinds, states, errors and choices in the document's words."""

from __future__ import annotations

KINDS = ("text2img", "img2img", "upscale", "pose", "text2video", "img2video")
TYPES = {
    "text2img": "TEXT2IMG",
    "img2img": "IMG2IMG",
    "upscale": "UPSCALE",
    "pose": "POSE",
    "text2video": "TEXT2VIDEO",
    "text-to-video": "TEXT2VIDEO",
    "img2video": "IMG2VIDEO",
    "image-to-video": "IMG2VIDEO",
    "animate-move": "ANIMATE_MOVE",
    "animate-mix": "ANIMATE_MIX",
}
TYPE_NAMES = list(dict.fromkeys(TYPES.values()))
STATUS = {
    "PENDING": "PENDING",
    "RUNNING": "PROCESSING",
    "SUCCEEDED": "COMPLETED",
    "FAILED": "FAILED",
    "TIMEOUT": "FAILED",
    "CANCELLED": "CANCELLED",
}
STATUS_NAMES = list(dict.fromkeys(STATUS.values()))
ERRORS = {
    "timeout": "E008",
    "queue_timeout": "E008",
    "insufficient_credits": "E002",
    "input_invalid": "E004",
    "file_too_large": "E005",
    "picture_too_large": "E005",
    "engine_busy": "E007",
}
ERROR_OTHER = "E001"
"""What else ends a task: the engine could not do it."""

MODELS = {
    "text2img": "stable-diffusion-xl-base-1.0",
    "img2img": "stable-diffusion-v1-5",
    "upscale": "RealESRGAN",
    "pose": "stable-diffusion-v1-5",
    "text2video": "stable-video-diffusion",
    "img2video": "stable-video-diffusion-img2vid",
}
"""The model of a kind where the client names none."""
SAMPLERS = (
    "euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral",
    "dpmpp_sde", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "ddpm", "ddim", "lcm", "uni_pc", "uni_pc_bh2",
)  # fmt: skip
SCHEDULERS = ("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta")
CONTROLS = ("openpose", "canny", "depth")


def type_of(kind: str) -> str:
    """The document's name of a kind; any other kind in its manner."""
    return TYPES.get(kind, kind.upper().replace("-", "_"))


def kinds_of(type: str) -> list[str]:
    """The kinds behind a type; none for none."""
    return [kind for kind, name in TYPES.items() if name == type]


def statuses_of(status: str) -> list[str]:
    """The inner states behind a status; none for none."""
    return [state for state, name in STATUS.items() if name == status]
