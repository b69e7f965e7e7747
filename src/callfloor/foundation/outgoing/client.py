"""Requests to checked addresses: connected to what was checked, ended at a deadline, read up to a limit."""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import socket
import ssl
import threading
import time
import urllib.parse
from collections.abc import Iterator, Mapping
from http import HTTPStatus

from callfloor.foundation.outgoing.addresses import (
    IpAddress,
    OutgoingRules,
    Target,
    addresses_of,
    check_address,
)

_REASON_LENGTH = 500
_LATE = "no whole answer in time"
_PIECE_BYTES = 64 * 1024
_CONNECT_SECONDS = 10.0
_REDIRECTS = frozenset(
    {
        HTTPStatus.MOVED_PERMANENTLY,
        HTTPStatus.FOUND,
        HTTPStatus.SEE_OTHER,
        HTTPStatus.TEMPORARY_REDIRECT,
        HTTPStatus.PERMANENT_REDIRECT,
    }
)


class RequestFailed(Exception):
    """Nobody answered properly: not known, not reached, not in time, not by HTTP; trying again may help.

    What it says may be what came: it is cut, and without the one character that PostgreSQL does not keep.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason.replace("\x00", "\ufffd")[:_REASON_LENGTH])


class AnswerTooLarge(Exception):
    """More came than may come."""


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` holds its first bytes."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    duration_ms: int


def send(  # a request has that many parts
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    rules: OutgoingRules,
    seconds: float,
    keep_bytes: int,
) -> Answer:
    """Send one request and return its answer; redirects are answers like others, and not followed.

    Args:
        method: ``POST``.
        url: checked here, and connected to as checked.
        headers: without Host and Content-Length.
        body: as it is sent.
        rules: what may be asked.
        seconds: after which it has failed, however much has come.
        keep_bytes: how much of the answer's body is read.

    Raises:
        AddressRefused: the address may not be asked.
        RequestFailed: there was no answer.
    """
    begun = time.monotonic()
    with _asked(method, url, headers, body, rules, seconds) as (answer, deadline):
        with _reading(deadline):
            kept = answer.read(keep_bytes) if keep_bytes else b""
        named = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, named, kept, round((time.monotonic() - begun) * 1000))


@contextlib.contextmanager
def fetched(
    url: str, *, rules: OutgoingRules, seconds: float, limit_bytes: int, redirects: int = 5
) -> Iterator[tuple[Mapping[str, str], Iterator[bytes]]]:
    """Yield the headers and the body, piece by piece, of what an address leads to; each redirect is checked anew.

    Raises:
        AddressRefused: it, or a redirect, leads where it may not.
        RequestFailed: there was no answer, one that is not 200, or one that broke off.
        AnswerTooLarge: it is longer than `limit_bytes`, as announced or as it comes.
    """
    until = time.monotonic() + seconds
    for left in reversed(range(redirects + 1)):
        with _asked("GET", url, {"Accept-Encoding": "identity"}, None, rules, until - time.monotonic()) as (
            answer,
            deadline,
        ):
            if answer.status in _REDIRECTS and left:
                url = _redirected(url, answer)
                continue
            if answer.status != HTTPStatus.OK:
                raise RequestFailed(f"the address answered {answer.status} {answer.reason}")
            if (answer.length or 0) > limit_bytes:
                raise AnswerTooLarge
            yield {name.lower(): value for name, value in answer.getheaders()}, _pieces(answer, deadline, limit_bytes)
            return


def _redirected(url: str, answer: http.client.HTTPResponse) -> str:
    try:
        return urllib.parse.urljoin(url, answer.getheader("Location") or "")
    except ValueError as error:
        raise RequestFailed("the address redirects to none") from error


def _pieces(answer: http.client.HTTPResponse, deadline: _Deadline, limit_bytes: int) -> Iterator[bytes]:
    size = 0
    while True:
        with _reading(deadline):
            piece = answer.read(_PIECE_BYTES)
        size += len(piece)
        if size > limit_bytes:
            raise AnswerTooLarge
        if not piece:
            break
        yield piece
    if answer.length:
        raise RequestFailed("the answer broke off")


@contextlib.contextmanager
def _reading(deadline: _Deadline) -> Iterator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise RequestFailed(_LATE if deadline.is_past else f"no whole answer: {_said(error)}") from error
    # What was broken off may look like an end.
    if deadline.is_past:
        raise RequestFailed(_LATE)


@contextlib.contextmanager
def _asked(  # as send
    method: str, url: str, headers: Mapping[str, str], body: bytes | None, rules: OutgoingRules, seconds: float
) -> Iterator[tuple[http.client.HTTPResponse, _Deadline]]:
    target = check_address(url, rules, resolve=False)
    try:
        connection = _connected(target, rules, min(seconds, _CONNECT_SECONDS))
    except (OSError, ValueError) as error:
        raise RequestFailed(f"cannot connect to {target.authority}: {_said(error)}") from error
    deadline = _Deadline(connection.sock, seconds)
    sent = {"User-Agent": "Callfloor", **headers, "Host": target.authority}
    try:
        with _reading(deadline):
            connection.request(method, target.path, body, sent)
            answer = connection.getresponse()
        # The connection of an answer that ends with it is the answer's to close.
        with contextlib.closing(answer):
            yield answer, deadline
    finally:
        deadline.cancel()
        connection.close()


def _connected(target: Target, rules: OutgoingRules, seconds: float) -> http.client.HTTPConnection:
    connection = http.client.HTTPConnection(target.host, target.port, timeout=seconds)
    plain = _first_that_answers(addresses_of(target, rules), target.port, seconds)
    if target.is_tls:
        context = ssl.create_default_context(cafile=None if rules.ca is None else str(rules.ca))
        try:
            connection.sock = context.wrap_socket(plain, server_hostname=target.host)
        except OSError:
            plain.close()
            raise
    else:
        connection.sock = plain
    # From here on the deadline of the whole request counts, not the pause between two pieces.
    connection.sock.settimeout(None)
    return connection


def _first_that_answers(addresses: list[IpAddress], port: int, seconds: float) -> socket.socket:
    """Connect to the very addresses that were checked: a name may stand for another one a moment later."""
    refusal: OSError = OSError("the name stands for no address")
    for address in addresses:
        try:
            return socket.create_connection((str(address), port), timeout=seconds)
        except OSError as error:
            refusal = error
    raise refusal


class _Deadline:
    """Breaks the connection off when its time is up: the pauses between two pieces say nothing of the whole."""

    def __init__(self, reached: socket.socket, seconds: float) -> None:
        # Held here: the connection lets go of its socket once an answer is to end with it.
        self._socket = reached
        self.is_past = False
        self._timer = threading.Timer(max(seconds, 0.0), self._pass)
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        self._timer.cancel()

    def _pass(self) -> None:
        self.is_past = True
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__
