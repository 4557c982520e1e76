"""The guarded client: whatever a user's address says, nothing private is ever asked."""

from __future__ import annotations

import datetime as dt
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from config.kernel import outbound
from config.kernel.outbound import AddressRefused, AddressUnreachable, AnswerTooLarge, get_to_file, judge, post

LIMIT = 64 * 1024


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """`resolver(name, *answers)`: the n-th question for `name` is answered by the n-th answer (a list of addresses), then by the last."""
    table: dict[str, list[list[str]]] = {}
    asked: list[str] = []
    real = socket.getaddrinfo

    def answer(host: str, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host not in table:
            return real(host, port, *args, **kwargs)
        asked.append(host)
        answers = table[host]
        addresses = answers.pop(0) if len(answers) > 1 else answers[0]
        family = {4: socket.AF_INET, 6: socket.AF_INET6}
        return [(family[ipaddress.ip_address(a).version], socket.SOCK_STREAM, 6, "", (a, port)) for a in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", answer)

    def teach(name: str, *answers: list[str]) -> list[str]:
        table[name] = list(answers)
        return asked

    return teach


@pytest.fixture
def demo(settings: Any) -> None:
    settings.DEMO = True


@pytest.fixture
def production(settings: Any) -> None:
    settings.DEMO = False


PRIVATE = [
    "http://127.0.0.1/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://１２７.０.０.１/",
    "http://localhost/",
    "http://LOCALHOST./",
    "http://app.localhost/",
    "http://printer.local/",
    "http://metadata.google.internal/",
    "http://redis:6379/",
    "http://0.0.0.0/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://192.0.0.8/",
    "http://192.88.99.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::1]/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[64:ff9b:1::1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:7f00:1::]/",
    "http://[2001:db8::1]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
]


@pytest.mark.parametrize("url", PRIVATE)
def test_refuses_every_spelling_of_a_private_address(url: str, production: None) -> None:
    with pytest.raises(AddressRefused) as refusal:
        judge(url, resolve=False)
    assert refusal.value.params["reason"] == "it is not a public address"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "javascript:alert(1)",
        "http://",
        "http:///path",
        "http://user@example.com/",
        "http://user:pass@example.com/",
        "http://example.com:0/",
        "http://example.com:99999/",
        "http://example.com:x/",
        "http://exa mple.com/",
        "http://example.com\\@127.0.0.1/",
        "http://example.com/\r\nX: y",
        "http://\texample.com/",
        "http://[::1",
        "http://[fe80::1%25eth0]/",
        "http://exa%6dple.com/",
        "http://1.2.3.4.5/",
        "http://256.256.256.256/",
        "http://-bad-.com/",
        "http://example.com/" + "a" * 2000,
    ],
)
def test_refuses_what_is_no_plain_web_address(url: str, demo: None) -> None:
    with pytest.raises(AddressRefused):
        judge(url, resolve=False)


@pytest.mark.parametrize(
    "url",
    ["https://example.com/a.jpg", "http://8.8.8.8:8080/", "http://[2606:4700::1111]/", "https://例え.テスト/x", "http://example.com./"],
)
def test_lets_public_addresses_pass_without_asking_a_resolver(url: str, production: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: pytest.fail("asked the resolver"))
    assert judge(url, resolve=False).url == url


def test_demo_mode_allows_loopback_and_nothing_else_that_is_private(demo: None) -> None:
    for url in ("http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]/"):
        judge(url, resolve=False)
    for url in ("http://10.0.0.1/", "http://169.254.169.254/", "http://[::ffff:127.0.0.1]/", "http://redis/"):
        with pytest.raises(AddressRefused):
            judge(url, resolve=False)


def test_one_private_address_among_public_ones_refuses_the_name(production: None, resolver: Callable[..., list[str]]) -> None:
    resolver("mixed.example.com", ["93.184.216.34", "10.0.0.7"])
    with pytest.raises(AddressRefused):
        judge("http://mixed.example.com/", resolve=True)
    resolver("six.example.com", ["93.184.216.34", "::ffff:127.0.0.1"])
    with pytest.raises(AddressRefused):
        judge("http://six.example.com/", resolve=True)


def test_a_name_that_does_not_resolve_is_unreachable(production: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(AddressUnreachable):
        judge("http://nowhere.example.com/", resolve=True)


def test_a_resolver_that_hangs_ends_in_time(production: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *a, **k: release.wait(20) and [])
    began = time.monotonic()
    with pytest.raises(AddressUnreachable):
        get_to_file("http://slow.example.com/", tmp_path / "x", limit_bytes=LIMIT, timeout_s=0.5)
    took_s = time.monotonic() - began
    release.set()
    assert took_s < 10


def test_fetches_a_file_byte_for_byte(demo: None, httpserver: HTTPServer, tmp_path: Path) -> None:
    body = bytes(range(256)) * 100
    httpserver.expect_request("/a.png").respond_with_data(body, content_type="image/png; charset=x")
    fetched = get_to_file(httpserver.url_for("/a.png"), tmp_path / "a", limit_bytes=LIMIT)
    assert (tmp_path / "a").read_bytes() == body
    assert (fetched.content_type, fetched.size_bytes) == ("image/png", len(body))


def test_uses_the_judged_address_even_when_the_name_changes(
    demo: None, httpserver: HTTPServer, resolver: Callable[..., list[str]], tmp_path: Path
) -> None:
    """The name answers loopback once, then a private address: what was judged is what is connected to, asked once."""
    httpserver.expect_request("/", headers={"Host": f"rebind.example.com:{httpserver.port}"}).respond_with_data(b"ok")
    asked = resolver("rebind.example.com", ["127.0.0.1"], ["10.255.255.1"])
    url = f"http://rebind.example.com:{httpserver.port}/"
    get_to_file(url, tmp_path / "a", limit_bytes=LIMIT)
    assert (tmp_path / "a").read_bytes() == b"ok"
    assert asked == ["rebind.example.com"]
    with pytest.raises(AddressRefused):
        get_to_file(url, tmp_path / "b", limit_bytes=LIMIT)
    assert not (tmp_path / "b").exists()


def test_a_name_that_turns_private_after_it_was_judged_is_refused_at_use(
    production: None, resolver: Callable[..., list[str]], tmp_path: Path
) -> None:
    resolver("turns.example.com", ["93.184.216.34"], ["127.0.0.1"])
    judge("http://turns.example.com/", resolve=True)
    with pytest.raises(AddressRefused):
        get_to_file("http://turns.example.com/", tmp_path / "a", limit_bytes=LIMIT)
    with pytest.raises(AddressRefused):
        post("http://turns.example.com/", b"{}", {})


def test_a_redirect_to_a_private_address_is_refused(demo: None, httpserver: HTTPServer, tmp_path: Path) -> None:
    for path, target in {
        "/meta": "http://169.254.169.254/latest",
        "/file": "file:///etc/passwd",
        "/name": "http://intranet.local/",
    }.items():
        httpserver.expect_request(path).respond_with_response(Response(status=302, headers={"Location": target}))
        with pytest.raises(AddressRefused):
            get_to_file(httpserver.url_for(path), tmp_path / "a", limit_bytes=LIMIT)
    assert not (tmp_path / "a").exists()


def test_follows_three_redirects_and_no_fourth(demo: None, httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/0").respond_with_data(b"here", content_type="text/plain")
    for step in range(1, 5):
        httpserver.expect_request(f"/{step}").respond_with_response(Response(status=307, headers={"Location": f"/{step - 1}"}))
    fetched = get_to_file(httpserver.url_for("/3"), tmp_path / "a", limit_bytes=LIMIT)
    assert fetched.final_url == httpserver.url_for("/0")
    with pytest.raises(AddressRefused, match="redirects too often"):
        get_to_file(httpserver.url_for("/4"), tmp_path / "b", limit_bytes=LIMIT)


def test_an_oversize_body_stops_at_the_limit(demo: None, httpserver: HTTPServer, tmp_path: Path) -> None:
    sent: list[int] = []

    def endless(_: Request) -> Response:
        def chunks() -> Iterator[bytes]:
            for number in range(10_000):
                sent.append(number)
                yield b"x" * 10_000

        return Response(chunks(), content_type="image/png")

    httpserver.expect_request("/endless").respond_with_handler(endless)
    httpserver.expect_request("/declared").respond_with_data(b"x" * (LIMIT + 1))
    for path in ("/endless", "/declared"):
        with pytest.raises(AnswerTooLarge):
            get_to_file(httpserver.url_for(path), tmp_path / "a", limit_bytes=LIMIT)
        assert not (tmp_path / "a").exists()
    assert len(sent) < 5000


class _Trickle(BaseHTTPRequestHandler):
    """One byte at a time, for ever: of the headers under /headers, of the body elsewhere."""

    def do_GET(self) -> None:
        try:
            if self.path != "/headers":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(200):
                self.wfile.write(b"X")
                self.wfile.flush()
                time.sleep(0.1)
        except OSError:
            return

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.mark.parametrize("path", ["/headers", "/body"])
def test_a_trickle_ends_at_the_total_deadline(path: str, demo: None, tmp_path: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Trickle)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, daemon=True).start()
    began = time.monotonic()
    with pytest.raises(AddressUnreachable, match="took too long"):
        get_to_file(f"http://127.0.0.1:{server.server_port}{path}", tmp_path / "a", limit_bytes=LIMIT, timeout_s=0.8)
    assert time.monotonic() - began < 15
    assert not (tmp_path / "a").exists()
    server.shutdown()
    server.server_close()


def test_asks_for_nothing_packed_and_refuses_a_packed_answer(demo: None, httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/bomb", headers={"Accept-Encoding": "identity"}).respond_with_data(
        gzip.compress(b"0" * 10_000_000), headers={"Content-Encoding": "gzip"}
    )
    with pytest.raises(AddressUnreachable, match="packed"):
        get_to_file(httpserver.url_for("/bomb"), tmp_path / "a", limit_bytes=LIMIT)
    assert not (tmp_path / "a").exists()


def test_ignores_proxies_of_the_environment(demo: None, httpserver: HTTPServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    httpserver.expect_request("/a").respond_with_data(b"direct")
    get_to_file(httpserver.url_for("/a"), tmp_path / "a", limit_bytes=LIMIT)
    assert (tmp_path / "a").read_bytes() == b"direct"


def test_other_states_and_closed_ports_are_unreachable(demo: None, httpserver: HTTPServer, tmp_path: Path) -> None:
    httpserver.expect_request("/gone").respond_with_data(b"no", status=404)
    with pytest.raises(AddressUnreachable, match="answered 404"):
        get_to_file(httpserver.url_for("/gone"), tmp_path / "a", limit_bytes=LIMIT)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(AddressUnreachable):
        get_to_file(f"http://127.0.0.1:{port}/", tmp_path / "a", limit_bytes=LIMIT)


def test_posts_the_very_bytes_and_follows_no_redirect(demo: None, httpserver: HTTPServer) -> None:
    seen: list[Request] = []

    def hook(request: Request) -> Response:
        request.get_data()
        seen.append(request)
        return Response(b"y" * 100_000, status=302, headers={"Location": httpserver.url_for("/other"), "X-Kind": "a"})

    httpserver.expect_request("/hook", method="POST").respond_with_handler(hook)
    answer = post(httpserver.url_for("/hook?x=ä"), b'{"a": 1}', {"Content-Type": "application/json", "webhook-id": "m1"})
    assert (answer.status, answer.headers["x-kind"], answer.body_start) == (302, "a", b"y" * outbound.BODY_START_BYTES)
    assert seen[0].get_data() == b'{"a": 1}'
    assert (seen[0].headers["webhook-id"], seen[0].query_string) == ("m1", b"x=%C3%A4")
    assert len(seen) == 1


def _certificate(name: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    return pem, secret


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[tuple[HTTPServer, Path, list[str | None]]]:
    pem, secret = _certificate("files.example.com", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    names: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: names.append(name)
    with HTTPServer(host="127.0.0.1", port=0, ssl_context=context) as server:
        server.expect_request("/a").respond_with_data(b"sealed")
        yield server, pem, names


def test_keeps_the_name_in_tls_and_verifies_it(
    demo: None,
    resolver: Callable[..., list[str]],
    tls_server: tuple[HTTPServer, Path, list[str | None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, pem, names = tls_server
    resolver("files.example.com", ["127.0.0.1"])
    resolver("other.example.com", ["127.0.0.1"])
    with pytest.raises(AddressUnreachable):
        get_to_file(f"https://files.example.com:{server.port}/a", tmp_path / "a", limit_bytes=LIMIT)
    monkeypatch.setattr(outbound, "_tls", lambda: ssl.create_default_context(cafile=str(pem)))
    get_to_file(f"https://files.example.com:{server.port}/a", tmp_path / "a", limit_bytes=LIMIT)
    assert (tmp_path / "a").read_bytes() == b"sealed"
    assert names[-1] == "files.example.com"
    with pytest.raises(AddressUnreachable):
        get_to_file(f"https://other.example.com:{server.port}/a", tmp_path / "b", limit_bytes=LIMIT)
    assert not (tmp_path / "b").exists()
