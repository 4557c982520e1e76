"""Where files lie: a folder of this machine, or S3-compatible storage. One text of the settings decides (`STORAGE_URL`)."""

from __future__ import annotations

import functools
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from django.conf import settings
from django.core.files.base import File

KEY = re.compile(r"(?:[A-Za-z0-9][A-Za-z0-9._-]*/)*[A-Za-z0-9][A-Za-z0-9._-]*")
CHUNK_BYTES = 256 * 1024


class Storage(Protocol):
    """A place for files by key. A file appears whole or not at all."""

    def store(self, source: BinaryIO, key: str, content_type: str) -> None: ...
    def open(self, key: str) -> IO[bytes]: ...
    def delete(self, key: str) -> None: ...
    def exists(self, key: str) -> bool: ...
    def link(self, key: str, content_type: str, disposition: str, life_s: int) -> str | None: ...
    def key_of(self, url: SplitResult) -> str | None: ...
    def sweep(self, older_than_s: float) -> None: ...


class Folder:
    """Files below one folder of this machine, written beside their place and renamed into it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path_of(self, key: str) -> Path:
        """Where `key` lies. Raises ValueError for a key that could lead out of the folder."""
        return self.root / checked(key)

    def store(self, source: BinaryIO, key: str, content_type: str) -> None:
        path = self.path_of(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._parts())
        try:
            with os.fdopen(handle, "wb") as part:
                while chunk := source.read(CHUNK_BYTES):
                    part.write(chunk)
                part.flush()
                os.fsync(part.fileno())
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)

    def _parts(self) -> Path:
        """Where files are written before they are renamed into their place, on the same disk."""
        folder = self.root / ".parts"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder

    def sweep(self, older_than_s: float) -> None:
        _sweep(self._parts(), older_than_s)

    def open(self, key: str) -> IO[bytes]:
        return self.path_of(key).open("rb")

    def delete(self, key: str) -> None:
        self.path_of(key).unlink(missing_ok=True)

    def exists(self, key: str) -> bool:
        return self.path_of(key).is_file()

    def link(self, key: str, content_type: str, disposition: str, life_s: int) -> str | None:
        return None

    def key_of(self, url: SplitResult) -> str | None:
        return None


def _sync_folder(folder: Path) -> None:
    """A rename survives a crash of the machine only once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Bucket:
    """Files in one bucket of S3-compatible storage, through django-storages; large ones go up in parts."""

    def __init__(self, url: SplitResult) -> None:
        from storages.backends.s3 import S3Storage

        options = {name: values[0] for name, values in parse_qs(url.query).items()}
        address = url.netloc.rpartition("@")[2]
        self.bucket = url.path.strip("/")
        self.endpoint = f"{options.get('scheme', 'https')}://{address}" if address else ""
        self._inner: Any = S3Storage(
            access_key=unquote(url.username or "") or None,
            secret_key=unquote(url.password or "") or None,
            bucket_name=self.bucket,
            endpoint_url=self.endpoint or None,
            region_name=options.get("region"),
            addressing_style=options.get("addressing", "path"),
            signature_version="s3v4",
            file_overwrite=True,
            default_acl=None,
            querystring_auth=True,
        )

    def store(self, source: BinaryIO, key: str, content_type: str) -> None:
        content: File[bytes] = File(source, name=checked(key))
        content.content_type = content_type  # type: ignore[attr-defined]
        self._inner.save(key, content)

    def open(self, key: str) -> IO[bytes]:
        file: IO[bytes] = self._inner.open(checked(key), "rb")
        return file

    def delete(self, key: str) -> None:
        self._inner.delete(checked(key))

    def exists(self, key: str) -> bool:
        return bool(self._inner.exists(checked(key)))

    def link(self, key: str, content_type: str, disposition: str, life_s: int) -> str | None:
        answer = {"ResponseContentType": content_type, "ResponseContentDisposition": disposition, "ResponseCacheControl": "private"}
        return str(self._inner.url(checked(key), parameters=answer, expire=life_s))

    def key_of(self, url: SplitResult) -> str | None:
        """The key that an address of this bucket names, None for any other address."""
        home = urlsplit(self.endpoint)
        path = unquote(url.path).lstrip("/")
        if not home.netloc or url.netloc.lower() != home.netloc.lower() or not path.startswith(f"{self.bucket}/"):
            return None
        return path.removeprefix(f"{self.bucket}/")

    def sweep(self, older_than_s: float) -> None:
        return


def _sweep(folder: Path, older_than_s: float) -> None:
    """What lies in `folder` for longer than that was left by a process that died; it goes."""
    for entry in folder.iterdir():
        with suppress(FileNotFoundError):
            if time.time() - entry.stat().st_mtime < older_than_s:
                continue
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def checked(key: str) -> str:
    """`key` itself. Raises ValueError unless it is plain path parts, none of them hidden or leading upwards."""
    if not KEY.fullmatch(key):
        raise ValueError("not a storage key")
    return key


@functools.lru_cache(maxsize=4)
def _place(url: str) -> Storage:
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Folder(Path(unquote(parts.path)))
    if parts.scheme == "s3":
        return Bucket(parts)
    raise ValueError("STORAGE_URL must begin with file:// or s3://")


def place() -> Storage:
    """The storage that `STORAGE_URL` names."""
    return _place(settings.STORAGE_URL)


def store(source: Path | BinaryIO, key: str, content_type: str) -> None:
    """`key` holds what `source` holds, whole or not at all; streamed, never in memory at once."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            place().store(file, key, content_type)
    else:
        place().store(source, key, content_type)


@contextmanager
def reading(key: str) -> Iterator[IO[bytes]]:
    """The stored file, open for reading. Raises FileNotFoundError."""
    with place().open(key) as file:
        yield file


def delete(key: str) -> None:
    """Nothing is stored under `key` any more; nothing happens if nothing was."""
    place().delete(key)


def exists(key: str) -> bool:
    """Whether a file is stored under `key`."""
    return place().exists(key)


def work_folder() -> Path:
    """The folder for files that are on their way (uploads, work of engines), on the disk of the data directory."""
    folder = Path(settings.DATA_DIR) / "tmp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def sweep_leftovers(*, older_than_s: float) -> None:
    """Half-written files of processes that died are gone from the storage and the work folder."""
    place().sweep(older_than_s)
    _sweep(work_folder(), older_than_s)
