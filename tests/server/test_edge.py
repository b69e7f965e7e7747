"""The outermost layer: ids, headers, errors, clients behind proxies, and what it logs."""

from __future__ import annotations

import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.server import DEADLINE_SECONDS, Server, running_server

EXAMPLE = ("-m", "tests.server.example")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The example behind a proxy that is not trusted."""
    with running_server(tmp_path_factory.mktemp("edge"), "--behind-proxy", program=EXAMPLE) as found:
        yield found


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The example behind a trusted proxy on this machine and another at 10.9.9.9."""
    trust = {"CALLFLOOR_TRUSTED_PROXIES": "127.0.0.1,10.9.9.0/24"}
    with running_server(tmp_path_factory.mktemp("edge"), "--behind-proxy", program=EXAMPLE, settings=trust) as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as found:
        yield found


def log_line(server: Server, answer: httpx.Response) -> dict[str, object]:
    request_id = answer.headers["x-request-id"]
    return dict(server.wait_for("request", lambda line: line["request_id"] == request_id))


class TestAnswer:
    def test_has_an_id_of_its_own_that_is_in_the_log(self, server: Server, client: httpx.Client) -> None:
        first, second = client.get("/who"), client.get("/who")

        assert str(uuid.UUID(first.headers["x-request-id"])) == first.headers["x-request-id"]
        assert first.headers["x-request-id"] != second.headers["x-request-id"]
        line = log_line(server, second)
        assert (line["method"], line["path"], line["status"], line["client"]) == ("GET", "/who", 200, "127.0.0.1")
        assert line["size_bytes"] == len(second.content)

    def test_has_headers_for_browsers(self, client: httpx.Client) -> None:
        headers = client.get("/who").headers

        assert headers["content-security-policy"].startswith("default-src 'none'; frame-ancestors 'none'")
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers

    def test_keeps_the_headers_and_the_error_of_the_application(self, client: httpx.Client) -> None:
        answer = client.get("/own")

        assert (answer.status_code, answer.text) == (500, "own")
        assert answer.headers.get_list("content-security-policy") == ["default-src 'self'"]


class TestFault:
    def test_is_a_problem_without_the_reason(self, server: Server, client: httpx.Client) -> None:
        answer = client.get("/fault")

        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        problem = answer.json()
        assert (problem["status"], problem["code"]) == (500, "internal_error")
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert "the fault" not in answer.text
        told = server.wait_for("request_failed", lambda line: line["request_id"] == problem["request_id"])
        assert "the fault" in told["exception"]

    def test_in_the_middle_of_an_answer_breaks_it_off(self, server: Server, client: httpx.Client) -> None:
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/late_fault")

        assert client.get("/who").status_code == 200

    def test_outside_says_when_to_try_again(self, client: httpx.Client) -> None:
        answer = client.get("/gone")

        assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
        assert answer.headers["retry-after"] == "1"
        assert "went home" not in answer.text

    def test_of_a_client_that_leaves_is_none_of_ours(self, server: Server) -> None:
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as connection:
            connection.sendall(b"POST /count HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\nsome")
            server.wait_for("receiving", lambda line: line["size_bytes"] == 4)

        line = server.wait_for("request", lambda line: line["path"] == "/count" and line["status"] == 499)

        assert not [fault for fault in server.events("request_failed") if fault["request_id"] == line["request_id"]]

    @pytest.mark.parametrize("path", ["/none", "/whose", "//who", "/%00"])
    def test_unknown_path_is_a_problem(self, client: httpx.Client, path: str) -> None:
        answer = client.get(path)

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")

    def test_head_of_an_unknown_path_has_no_body(self, client: httpx.Client) -> None:
        answer = client.head("/none")

        assert (answer.status_code, answer.content) == (404, b"")


class TestLog:
    def test_never_holds_credentials_or_the_query(self, server: Server, client: httpx.Client) -> None:
        secret = "hunter2hunter2"
        for path in ("/who", "/fault", "/none"):
            headers = {
                "authorization": f"Basic {secret}",
                "api-key": secret,
                "client-id": secret,
                "cookie": f"s={secret}",
            }
            last = client.get(path, params={"token": secret}, headers=headers)

        log_line(server, last)

        assert secret not in "".join(server.lines)

    def test_line_stays_one_line_whatever_the_path(self, server: Server, client: httpx.Client) -> None:
        answer = client.get("/a%0A%22%1b[31m" + "x" * 1000)

        line = log_line(server, answer)

        assert len(str(line["path"])) == 512
        assert json.dumps(line).count("\n") == 0


class TestClient:
    def test_is_the_peer_when_the_proxy_is_not_trusted(self, client: httpx.Client) -> None:
        answer = client.get("/who", headers={"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "https"})

        assert answer.text == "127.0.0.1 http"

    @pytest.mark.parametrize(
        ("forwarded", "expected"),
        [
            ("203.0.113.7", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
            ("198.51.100.1, 203.0.113.7, 10.9.9.9", "203.0.113.7"),
            ("203.0.113.7:4711", "203.0.113.7"),
            ("[2001:db8::7]:4711", "2001:db8::7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("10.9.9.8, 10.9.9.9", "10.9.9.8"),
            ("198.51.100.1, unknown", "127.0.0.1"),
            ("198.51.100.1, unknown, 10.9.9.9", "10.9.9.9"),
            ("", "127.0.0.1"),
        ],
    )
    def test_is_the_last_address_that_no_trusted_proxy_has(
        self, trusting: Server, forwarded: str, expected: str
    ) -> None:
        with trusting.client() as client:
            answer = client.get("/who", headers={"x-forwarded-for": forwarded, "x-forwarded-proto": "https"})

        assert answer.text == f"{expected} https"

    def test_may_be_told_in_several_header_fields(self, trusting: Server) -> None:
        told = [("x-forwarded-for", "203.0.113.7"), ("x-forwarded-for", "10.9.9.9"), ("x-forwarded-proto", "https")]
        with trusting.client() as client:
            answer = client.get("/who", headers=told)

        assert answer.text == "203.0.113.7 https"

    def test_that_spoke_plain_http_to_the_proxy_is_refused(self, trusting: Server) -> None:
        with trusting.client() as client:
            answer = client.get("/who", headers={"x-forwarded-for": "203.0.113.7", "x-forwarded-proto": "http"})

        assert (answer.status_code, answer.json()["code"]) == (403, "https_only")
        assert "www-authenticate" not in answer.headers
        assert "location" not in answer.headers


class TestConnection:
    def ask(self, server: Server, *parts: bytes) -> bytes:
        """Send the parts and return all that comes until the server closes."""
        received = b""
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as connection:
            try:
                for part in parts:
                    connection.sendall(part)
                while chunk := connection.recv(65536):
                    received += chunk
            except (BrokenPipeError, ConnectionResetError):
                pass
        return received

    def test_is_closed_on_a_head_that_never_ends(self, server: Server) -> None:
        line = b"x-more: " + b"y" * 1000 + b"\r\n"

        answer = self.ask(server, b"GET /who HTTP/1.1\r\nhost: x\r\n", *[line] * 200)

        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")

    @pytest.mark.parametrize(
        "begun", [b"", b"GET /who HTTP/1.1\r\nhost:", b"POST /count HTTP/1.1\r\ncontent-length: 9\r\n\r\nx"]
    )
    def test_is_closed_when_the_client_falls_silent(self, server: Server, begun: bytes) -> None:
        assert self.ask(server, begun) == b""

    @pytest.mark.parametrize("nonsense", [b"\x16\x03\x01hello", b"GET\r\n\r\n", b"CONNECT a:1 HTTP/1.1\r\n\r\n"])
    def test_with_nonsense_is_refused(self, server: Server, nonsense: bytes) -> None:
        answer = self.ask(server, nonsense + b"\r\n\r\n")

        assert answer.startswith(b"HTTP/1.1 4")


def test_own_pages(tmp_path: Path) -> None:
    """The product's own pages, on both counts: read, and nothing else."""
    with running_server(tmp_path, "--behind-proxy", "--no-worker") as server, server.client() as client:
        page = client.get("/")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert f"{server.url}/calls" in page.text
        assert "style-src 'sha256-" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]

        head = client.head("/")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == page.headers["content-length"]

        refused = client.post("/", json={})
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")

        assert client.get("/healthz").json() == {"status": "ok"}
        assert client.get("/readyz").json() == {"status": "ok", "database": "answers"}
        assert client.get("/healthz/x").status_code == 404
