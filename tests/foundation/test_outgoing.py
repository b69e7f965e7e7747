"""Requests to addresses that users name: none leads into a private network, none hangs, none swells."""

from __future__ import annotations

import http.server
import ipaddress
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from callfloor.foundation import clock
from callfloor.foundation.local_authority import own_certificate
from callfloor.foundation.outgoing import (
    AddressRefused,
    AnswerTooLarge,
    OutgoingRules,
    RequestFailed,
    check_address,
    fetched,
    send,
)
from callfloor.foundation.tls import context_of

LOOPBACK = (ipaddress.IPv4Network("127.0.0.0/8"), ipaddress.IPv6Network("::1/128"))
OPEN = OutgoingRules(LOOPBACK, plain_http=True)
CLOSED = OutgoingRules(plain_http=True)

Reply = Callable[[http.server.BaseHTTPRequestHandler], None]


class Target:
    """A server that answers as the test says, and remembers what it was asked."""

    def __init__(self) -> None:
        self.paths: list[str] = []
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.reply: Reply = lambda handler: answer(handler, b"fine")
        target = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def _any(self) -> None:
                target.paths.append(self.path)
                target.headers.append({k.lower(): v for k, v in self.headers.items()})
                target.bodies.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
                target.reply(self)

            do_GET = do_POST = _any  # noqa: N815  # the library's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
                """Say nothing."""

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.port}{path}"


def answer(
    handler: http.server.BaseHTTPRequestHandler, body: bytes, status: int = 200, *, location: str = "", length: int = -1
) -> None:
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length < 0 else length))
    handler.send_header("Location", location)
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def target() -> Iterator[Target]:
    one = Target()
    yield one
    one.server.shutdown()
    one.server.server_close()


def post(url: str, *, rules: OutgoingRules = OPEN, seconds: float = 20.0, keep: int = 100) -> tuple[int, bytes]:
    came = send("POST", url, headers={"X-A": "b"}, body=b"{}", rules=rules, seconds=seconds, keep_bytes=keep)
    return came.status, came.body


def fetch(url: str, *, rules: OutgoingRules = OPEN, seconds: float = 20.0, limit: int = 1000) -> bytes:
    with fetched(url, rules=rules, seconds=seconds, limit_bytes=limit) as (_, pieces):
        return b"".join(pieces)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "a.localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:10.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "[fe80::1]",
        "[fd00::1]",
        "[ff02::1]",
    ],
)
def test_refuses_what_is_not_public(host: str) -> None:
    with pytest.raises(AddressRefused, match="not public"):
        check_address(f"http://{host}/", CLOSED)
    with pytest.raises(AddressRefused):
        post(f"http://{host}/", rules=CLOSED)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "hooks.example",
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "https://",
        "https://a:b@hooks.example/",
        "https://hooks.example:99999/",
        "https://hooks.example:0/",
        "https://hooks.example/\r\nX: y",
        "https://hooks.example/ x",
        "https://höoks.example/",
        "https://[::1",
        "https://hooks..example/",
        "https://./",
        f"https://{'x' * 64}.example/",
        "https://hooks.example/" + "x" * 2048,
        "http://93.184.216.34/",
    ],
)
def test_refuses_what_is_no_https_address(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_address(url, OutgoingRules())


def test_takes_a_public_address_and_what_is_allowed() -> None:
    assert check_address("https://93.184.216.34:8443/a?b=c", OutgoingRules()).authority == "93.184.216.34:8443"
    assert check_address("https://[2606:2800:220:1::1]/", OutgoingRules()).authority == "[2606:2800:220:1::1]"
    assert check_address("http://127.0.0.1:80/", OPEN).authority == "127.0.0.1"


def test_sends_a_request_and_keeps_the_beginning_of_its_answer(target: Target) -> None:
    target.reply = lambda handler: answer(handler, b"x" * 1_000_000, 418)

    assert post(target.url("/hook?a=1"), keep=10) == (418, b"x" * 10)
    assert (target.paths, target.bodies) == (["/hook?a=1"], [b"{}"])
    assert target.headers[0]["x-a"] == "b"
    assert target.headers[0]["host"] == f"127.0.0.1:{target.port}"


def test_follows_no_redirect_when_it_sends(target: Target) -> None:
    target.reply = lambda handler: answer(handler, b"", 302, location="/elsewhere")

    assert post(target.url())[0] == 302
    assert target.paths == ["/"]


def test_fetches_over_redirects_each_of_them_checked(target: Target) -> None:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        if handler.path == "/":
            answer(handler, b"", 302, location="/next")
        elif handler.path == "/next":
            answer(handler, b"", 307, location=f"http://localhost:{target.port}/there")
        else:
            answer(handler, b"bytes")

    target.reply = reply
    assert fetch(target.url()) == b"bytes"

    target.reply = lambda handler: answer(handler, b"", 302, location="http://169.254.169.254/latest")
    with pytest.raises(AddressRefused):
        fetch(target.url())


def test_follows_no_circle(target: Target) -> None:
    target.reply = lambda handler: answer(handler, b"", 302, location="/")

    with pytest.raises(RequestFailed, match="302"):
        fetch(target.url())
    assert len(target.paths) == 6


def test_knows_a_redirect_to_nowhere(target: Target) -> None:
    target.reply = lambda handler: answer(handler, b"", 302, location="http://[")

    with pytest.raises(RequestFailed, match="redirects to none"):
        fetch(target.url())


def test_passes_over_a_length_that_is_none(target: Target) -> None:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "many")
        handler.end_headers()
        handler.wfile.write(b"bytes")

    target.reply = reply
    assert fetch(target.url()) == b"bytes"


def test_fetches_no_more_than_it_may(target: Target) -> None:
    target.reply = lambda handler: answer(handler, b"x" * 1001)
    with pytest.raises(AnswerTooLarge):
        fetch(target.url())

    def without_length(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * 1001)

    target.reply = without_length
    with pytest.raises(AnswerTooLarge):
        fetch(target.url())


def test_knows_an_answer_that_broke_off(target: Target) -> None:
    target.reply = lambda handler: answer(handler, b"half", length=8)

    with pytest.raises(RequestFailed):
        fetch(target.url())


def test_says_what_came_instead_of_an_answer_as_it_can_be_kept(target: Target) -> None:
    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(404, "no\x00" + "x" * 10_000)
        handler.end_headers()

    target.reply = reply
    with pytest.raises(RequestFailed) as failed:
        fetch(target.url())

    assert str(failed.value).startswith("the address answered 404 no\ufffdxx")
    assert len(str(failed.value)) == 500


@pytest.mark.parametrize("begin", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.0 200 OK\r\n\r\n"])
def test_ends_at_its_deadline(begin: bytes, target: Target) -> None:
    let_go = threading.Event()

    def reply(handler: http.server.BaseHTTPRequestHandler) -> None:
        if not begin:
            let_go.wait(60)
            return
        handler.wfile.write(begin)
        while not let_go.wait(0.05):
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    target.reply = reply
    with pytest.raises(RequestFailed):
        post(target.url(), seconds=0.5, keep=10_000)
    let_go.set()


def test_connects_to_what_was_checked_though_the_name_means_another_a_moment_later(
    monkeypatch: pytest.MonkeyPatch, target: Target
) -> None:
    asked = ["127.0.0.1", "127.0.0.9"]
    known = socket.getaddrinfo

    def looked_up(host: str, port: int, *args: int, **more: int) -> object:
        return known(asked.pop(0) if host == "moving.example" else host, port, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    rules = OutgoingRules((ipaddress.IPv4Network("127.0.0.1/32"),), plain_http=True)

    assert post(f"http://moving.example:{target.port}/", rules=rules) == (200, b"fine")
    with pytest.raises(AddressRefused, match=r"127\.0\.0\.9"):
        post(f"http://moving.example:{target.port}/", rules=rules)
    assert len(target.paths) == 1


def test_says_that_nobody_listens() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
        with pytest.raises(RequestFailed, match="cannot connect"):
            post(f"http://127.0.0.1:{port}/")
    with pytest.raises(RequestFailed, match="cannot connect"):
        post("http://nobody.invalid/")


def test_trusts_no_certificate_but_those_it_is_told_of(tmp_path: Path, target: Target) -> None:
    made = own_certificate(tmp_path, ["127.0.0.1", "localhost"], now=clock.now())
    context = context_of(made)
    target.server.socket = context.wrap_socket(target.server.socket, server_side=True)
    url = f"https://localhost:{target.port}/"

    assert post(url, rules=OutgoingRules(LOOPBACK, ca=made.authority)) == (200, b"fine")
    with pytest.raises(RequestFailed, match="CERTIFICATE_VERIFY_FAILED"):
        post(url, rules=OutgoingRules(LOOPBACK))
