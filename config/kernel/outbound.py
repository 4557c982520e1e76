"""The one client for addresses that users hand in (webhooks, images, videos).

It resolves names itself, refuses every address that is not public, connects only to the address it judged,
judges each redirect anew, and bounds time and size. No proxy of the environment is used, nothing is decompressed.
"""

from __future__ import annotations

import functools
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urljoin, urlsplit

import certifi
import httpcore
import idna
from django.conf import settings

from config.kernel.errors import DomainError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

URL_LIMIT = 2000
REDIRECTS = 3
CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 15.0
CHUNK_BYTES = 64 * 1024
BODY_START_BYTES = 2048
USER_AGENT = "Atelier/1.0"
PORTS = {"http": 80, "https": 443}
REDIRECTING = frozenset({301, 302, 303, 307, 308})

REFUSED_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own service on a public address
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)
GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
"""Only this range is handed out to the public; mapped, NAT64, local and multicast forms lie outside it."""
REFUSED_V6 = tuple(ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"))
LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))
LOCAL_NAMES = ("localhost", "local", "internal", "home.arpa", "localdomain")
NUMBER = re.compile(r"(0x[0-9a-f]*|\d+)")


class AddressRefused(DomainError):
    """This address cannot be used: {reason}."""

    code = "address_refused"

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class AddressUnreachable(DomainError):
    """This address could not be fetched: {reason}."""

    code = "address_unreachable"
    retryable = True

    def __init__(self, *, reason: str) -> None:
        super().__init__(reason=reason)


class AnswerTooLarge(DomainError):
    """What this address answers is larger than {limit_mb} MB."""

    code = "answer_too_large"

    def __init__(self, *, limit_mb: int) -> None:
        super().__init__(limit_mb=limit_mb)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched: what its server called it, its size, and where it was found in the end."""

    content_type: str
    size_bytes: int
    final_url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a POST was answered: status, headers (names in lower case), and the body's first bytes, as many as were asked for."""

    status: int
    headers: dict[str, str]
    body_start: bytes


@dataclass(frozen=True, slots=True)
class Target:
    """An address in parts: `host` in its one canonical spelling (no trailing dot, lower case, IDNA, plain numbers)."""

    url: str
    scheme: str
    host: str
    port: int
    path: str
    query: str

    @property
    def literal(self) -> Address | None:
        """The address that the host spells out, None for a name."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def host_header(self) -> str:
        """What the Host header says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def judge(url: str, *, resolve: bool) -> Target:
    """The parts of `url` if it may be called: syntax and literal addresses, and with `resolve` every address of its name.

    Raises AddressRefused; AddressUnreachable when its name does not resolve. Source: contracts/README "User webhooks".
    """
    target = parse(url)
    literal = target.literal
    if literal is not None:
        _judge_address(literal)
    elif not (settings.DEMO and target.host == "localhost"):
        _judge_name(target.host)
    if resolve:
        _judged_addresses(target.host, target.port, CONNECT_TIMEOUT_S)
    return target


def parse(url: str) -> Target:
    """The parts of a http(s) address with its host in canonical spelling. Raises AddressRefused for anything else."""
    parts = _split(url)
    if parts.scheme not in PORTS:
        raise AddressRefused(reason="only http and https addresses are allowed")
    if "@" in parts.netloc:
        raise AddressRefused(reason="it carries a user name")
    try:
        port = parts.port if parts.port is not None else PORTS[parts.scheme]
    except ValueError as error:
        raise AddressRefused(reason="its port is not valid") from error
    if not 0 < port < 65536:
        raise AddressRefused(reason="its port is not valid")
    return Target(url, parts.scheme, _canonical_host(parts.hostname or ""), port, parts.path or "/", parts.query)


def _split(url: str) -> SplitResult:
    if not isinstance(url, str) or not url or len(url) > URL_LIMIT:
        raise AddressRefused(reason="it is empty or too long")
    if any(ord(sign) <= 32 or ord(sign) == 127 or sign == "\\" for sign in url):
        raise AddressRefused(reason="it holds characters that no address has")
    try:
        return urlsplit(url)
    except ValueError as error:
        raise AddressRefused(reason="it is not a valid address") from error


def _canonical_host(host: str) -> str:
    host = host.rstrip(".")
    if not host or "%" in host:
        raise AddressRefused(reason="it names no host")
    if ":" in host:
        return _literal_v6(host)
    try:
        name = host if host.isascii() else idna.encode(host, uts46=True, std3_rules=True).decode()
    except idna.IDNAError as error:
        raise AddressRefused(reason="its host is not valid") from error
    return _literal_v4(name.lower()) or _checked_name(name.lower())


def _literal_v6(host: str) -> str:
    try:
        return str(ipaddress.IPv6Address(host))
    except ValueError as error:
        raise AddressRefused(reason="its host is not valid") from error


def _literal_v4(name: str) -> str | None:
    """The dotted spelling of any number form that a resolver would take for an IPv4 address (hex, octal, one number)."""
    parts = name.split(".")
    if not NUMBER.fullmatch(parts[-1]):
        return None
    try:
        return str(ipaddress.IPv4Address(socket.inet_aton(name)))
    except (OSError, ValueError) as error:
        raise AddressRefused(reason="its host is not valid") from error


def _checked_name(name: str) -> str:
    labels = name.split(".")
    if len(name) > 253 or not all(re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label) for label in labels):
        raise AddressRefused(reason="its host is not valid")
    return name


def _judge_name(name: str) -> None:
    if "." not in name or any(name == local or name.endswith("." + local) for local in LOCAL_NAMES):
        raise AddressRefused(reason="it is not a public address")


def _judge_address(address: Address) -> None:
    """Raises AddressRefused unless `address` is public, or loopback in demo mode."""
    if settings.DEMO and any(address in network for network in LOOPBACK if network.version == address.version):
        return
    if isinstance(address, ipaddress.IPv4Address):
        public = not any(address in network for network in REFUSED_V4)
    else:
        public = address in GLOBAL_V6 and not any(address in network for network in REFUSED_V6)
    if not public:
        raise AddressRefused(reason="it is not a public address")


def _judged_addresses(host: str, port: int, timeout_s: float) -> list[Address]:
    """Every address of `host`. One that is not public refuses them all, so that no mixed answer slips through."""
    addresses = _resolve(host, port, timeout_s)
    for address in addresses:
        _judge_address(address)
    return addresses


def _resolve(host: str, port: int, timeout_s: float) -> list[Address]:
    """All addresses of `host` in the resolver's order. Asked in a thread of its own: getaddrinfo knows no time-out."""
    found: list[Any] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError):
            return

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive() or not found:
        raise AddressUnreachable(reason="its name does not resolve")
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


class _Deadline:
    """A point in time that every wait of one call ends at."""

    def __init__(self, timeout_s: float) -> None:
        self.end = time.monotonic() + timeout_s

    def left(self, timeout_s: float | None) -> float:
        """How long one wait may still take; raises once nothing is left."""
        left = self.end - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("deadline")
        return left if timeout_s is None else min(timeout_s, left)


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait also ends at the call's deadline: a trickle of bytes does not hold a worker."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._deadline.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._deadline.left(timeout)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Pinned(httpcore.NetworkBackend):
    """Connects to the very addresses that were judged; the name stays in the Host header and in TLS."""

    def __init__(self, deadline: _Deadline, *, is_operators: bool = False) -> None:
        self._deadline = deadline
        self._addresses = _resolve if is_operators else _judged_addresses
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._addresses(host, port, self._deadline.left(timeout))
        failure: Exception = httpcore.ConnectError("no address")
        for address in addresses[:3]:
            try:
                stream = self._inner.connect_tcp(str(address), port, self._deadline.left(timeout), None, socket_options)
                return _Stream(stream, self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None
    ) -> httpcore.NetworkStream:
        raise httpcore.ConnectError("not allowed")


@functools.cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


@contextmanager
def _asked(target: Target, method: str, headers: Mapping[str, str], body: bytes | None, backend: _Pinned) -> Iterator[httpcore.Response]:
    """The answer of one request to a judged target, its body not yet read. Faults of the network leave as AddressUnreachable."""
    path = target.path + (f"?{target.query}" if target.query else "")
    url = httpcore.URL(scheme=target.scheme, host=target.host, port=target.port, target=_ascii(path))
    ours = {"Host": target.host_header, "User-Agent": USER_AGENT, "Accept-Encoding": "identity", "Connection": "close"}
    sent: list[tuple[bytes | str, bytes | str]] = list({"Accept": "*/*", **headers, **ours}.items())
    waits = {"connect": CONNECT_TIMEOUT_S, "read": READ_TIMEOUT_S, "write": READ_TIMEOUT_S, "pool": CONNECT_TIMEOUT_S}
    pool = httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend, retries=0, http2=False)
    try:
        with pool, pool.stream(method, url, headers=sent, content=body, extensions={"timeout": waits}) as answer:
            yield answer
    except httpcore.TimeoutException as error:
        raise AddressUnreachable(reason="it took too long") from error
    except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError) as error:
        raise AddressUnreachable(reason="its server cannot be reached") from error


def _ascii(path: str) -> bytes:
    return "".join(sign if sign.isascii() else "".join(f"%{byte:02X}" for byte in sign.encode()) for sign in path).encode("ascii")


def _headers_of(answer: httpcore.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}


def get_to_file(url: str, path: Path, *, limit_bytes: int, timeout_s: float = 30.0) -> Fetched:
    """`path` holds what `url` answers, at most `limit_bytes`; the whole takes at most `timeout_s` seconds.

    Up to three redirects are followed, each judged anew. On any failure no file remains.
    Raises AddressRefused, AddressUnreachable (also for a status other than 200), AnswerTooLarge.
    """
    deadline = _Deadline(timeout_s)
    for _ in range(REDIRECTS + 1):
        target = judge(url, resolve=False)
        with _asked(target, "GET", {}, None, _Pinned(deadline)) as answer:
            headers = _headers_of(answer)
            if answer.status in REDIRECTING and "location" in headers:
                url = urljoin(url, headers["location"])
                continue
            return _saved(answer, headers, path, limit_bytes, url)
    raise AddressRefused(reason="it redirects too often")


def _saved(answer: httpcore.Response, headers: dict[str, str], path: Path, limit_bytes: int, url: str) -> Fetched:
    if answer.status != 200:
        raise AddressUnreachable(reason=f"its server answered {answer.status}")
    if headers.get("content-encoding", "identity").lower() not in {"identity", ""}:
        raise AddressUnreachable(reason="its server answers in a packed form that was not asked for")
    try:
        size = _written(answer, headers, path, limit_bytes)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return Fetched(headers.get("content-type", "").partition(";")[0].strip().lower(), size, url)


def _written(answer: httpcore.Response, headers: dict[str, str], path: Path, limit_bytes: int) -> int:
    too_large = AnswerTooLarge(limit_mb=max(1, limit_bytes // 1024**2))
    declared = headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit_bytes:
        raise too_large
    size = 0
    with path.open("wb") as file:
        for chunk in answer.iter_stream():
            size += len(chunk)
            if size > limit_bytes:
                raise too_large
            file.write(chunk)
    return size


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    timeout_s: float = 15.0,
    body_limit_bytes: int = BODY_START_BYTES,
    is_operators: bool = False,
) -> Answer:
    """The answer to `body` POSTed to `url`; redirects are not followed. At most `timeout_s` seconds in all.

    Of the answer's body no more than `body_limit_bytes` are read. `is_operators`: the address stands in the installation's own
    settings and may be private; never for one that a user or an upstream handed in.
    Raises AddressRefused, AddressUnreachable. Any status is an answer; the caller judges it.
    """
    target = parse(url) if is_operators else judge(url, resolve=False)
    with _asked(target, "POST", headers, body, _Pinned(_Deadline(timeout_s), is_operators=is_operators)) as answer:
        start = b""
        for chunk in answer.iter_stream():
            start += chunk
            if len(start) >= body_limit_bytes:
                break
        return Answer(answer.status, _headers_of(answer), start[:body_limit_bytes])
