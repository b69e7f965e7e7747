"""What only a real connection shows: request ids, bodies nobody reads, clients that go away."""

from __future__ import annotations

import socket
import ssl
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conversations_api.forms import FORM, form
from tests.conversations_api.waiting import wait_until
from tests.factories.audio import make_wav
from tests.factories.teams import ConversationsKey
from tests.support.server import DEADLINE_SECONDS, Server

ANNOUNCED = 3_000_000_000


@pytest.fixture
def client(floor: tuple[Server, ConversationsKey]) -> Iterator[httpx.Client]:
    """A client with the key."""
    server, key = floor
    with server.client(headers=key.headers) as client:
        yield client


def connected(server: Server, key: ConversationsKey, length: int) -> ssl.SSLSocket:
    """Return a connection on which the head of an upload was sent."""
    plain = socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
    secure = server.trust().wrap_socket(plain, server_hostname="127.0.0.1")
    headers = {**key.headers, **FORM, "Host": "127.0.0.1", "Content-Length": str(length)}
    head = "POST /calls HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
    secure.sendall(head.encode())
    return secure


def test_names_every_request(client: httpx.Client) -> None:
    answers = [
        client.get("/calls"),
        client.get("/calls?page=x"),
        client.get("/calls/x"),
        client.get("/calls", headers={"api-key": "wrong"}),
        client.delete("/calls"),
        client.post("/calls", content=b""),
    ]

    assert [answer.status_code for answer in answers] == [200, 400, 404, 403, 405, 415]
    ids = [str(uuid.UUID(answer.headers["X-Request-Id"])) for answer in answers]
    assert len(set(ids)) == len(ids)


def test_answers_413_before_the_body_comes(floor: tuple[Server, ConversationsKey]) -> None:
    with connected(*floor, ANNOUNCED) as connection:
        answer = connection.recv(4096)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_takes_a_body_of_unknown_length(client: httpx.Client) -> None:
    whole = form(("file", make_wav(seconds=10), "a.wav"), ("name", b"In pieces", None))
    pieces = (whole[at : at + 777] for at in range(0, len(whole), 777))

    answer = client.post("/calls", content=pieces, headers=FORM)

    assert answer.status_code == 202
    assert answer.json()["name"] == "In pieces"


def test_keeps_nothing_of_an_upload_whose_client_goes_away(
    floor: tuple[Server, ConversationsKey], client: httpx.Client
) -> None:
    server, key = floor
    before = client.get("/calls").json()["meta"]["total"]
    kept = files_of(server.data)

    with connected(server, key, 10_000_000) as connection:
        connection.sendall(form(("file", make_wav(seconds=30), "a.wav"), end=b""))
        wait_until(lambda: files_of(server.data) != kept, server)
    wait_until(lambda: files_of(server.data) == kept, server)

    assert client.get("/calls").json()["meta"]["total"] == before


def test_leaves_other_clients_alone_while_one_stands_still(
    floor: tuple[Server, ConversationsKey], client: httpx.Client
) -> None:
    server, key = floor

    with connected(server, key, 10_000_000) as connection:
        connection.sendall(form(("file", make_wav(seconds=1), "a.wav"), end=b""))

        assert client.get("/calls").status_code == 200
        assert client.post("/calls", files={"file": ("b.wav", make_wav())}).status_code == 202


def files_of(data: Path) -> set[Path]:
    return {path for path in (data / "files").rglob("*") if path.is_file()}
