"""What can be wrong with a file."""

from __future__ import annotations

from typing import Any

from config.kernel.errors import DomainError


class MediaInvalid(DomainError):
    """This file cannot be used: {reason}."""

    code = "media_invalid"

    def __init__(self, *, reason: str, **params: Any) -> None:
        super().__init__(reason=reason, **params)


class MediaTooLarge(MediaInvalid):
    """This file cannot be used: {reason}."""

    code = "media_too_large"


class FileTooLarge(DomainError):
    """The file is too large: at most {limit_mb} MB are allowed."""

    code = "file_too_large"

    def __init__(self, *, limit_mb: int) -> None:
        super().__init__(limit_mb=limit_mb)


class PictureTooLarge(DomainError):
    """The result would be {width} × {height} pixels: at most {side_px} a side and {megapixels} megapixels are allowed."""

    code = "picture_too_large"

    def __init__(self, *, width: int, height: int, side_px: int, megapixels: int) -> None:
        super().__init__(width=width, height=height, side_px=side_px, megapixels=megapixels)


class QuotaExceeded(DomainError):
    """Your storage is full: {limit_mb} MB of uploads are allowed."""

    code = "quota_exceeded"

    def __init__(self, *, limit_mb: int) -> None:
        super().__init__(limit_mb=limit_mb)
