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
FAULTS = {
    "timeout": ("E008", "生成失败：任务超时"),
    "queue_timeout": ("E008", "生成失败：任务超时"),
    "insufficient_credits": ("E002", "余额不足"),
    "input_invalid": ("E004", "图片格式不支持"),
    "file_too_large": ("E005", "文件大小超限"),
    "media_too_large": ("E005", "文件大小超限"),
    "picture_too_large": ("E005", "文件大小超限"),
    "engine_busy": ("E007", "GPU资源不足"),
    "engine_refused": ("E001", "生成失败：引擎拒绝了该请求"),
    "model_retired": ("E001", "生成失败：没有此模型"),
    "internal": ("E001", "生成失败：服务器内部错误"),
}
"""What ended a task → the document's code and words; what is missing: the engine could not do it."""
FAULT_OTHER = ("E001", "生成失败：模型加载错误")

SAMPLERS = (
    "euler", "euler_ancestral", "heun", "dpm_2", "dpm_2_ancestral", "lms", "dpm_fast", "dpm_adaptive", "dpmpp_2s_ancestral",
    "dpmpp_sde", "dpmpp_2m", "dpmpp_2m_sde", "dpmpp_3m_sde", "ddpm", "ddim", "lcm", "uni_pc", "uni_pc_bh2",
)  # fmt: skip
SCHEDULERS = ("normal", "karras", "exponential", "sgm_uniform", "simple", "ddim_uniform", "beta")
CONTROLS = ("openpose", "canny", "depth")


def type_of(kind: str) -> str:
    """The document's name of a kind; any other kind in its manner."""
    return TYPES.get(kind, kind.upper().replace("-", "_"))


def fault_of(error_code: str) -> tuple[str, str]:
    """The document's code and words for what ended a task."""
    return FAULTS.get(error_code, FAULT_OTHER)


def kinds_of(type: str) -> list[str]:
    """The kinds behind a type; none for none."""
    return [kind for kind, name in TYPES.items() if name == type]


def statuses_of(status: str) -> list[str]:
    """The inner states behind a status; none for none."""
    return [state for state, name in STATUS.items() if name == status]
