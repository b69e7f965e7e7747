"""How a server starts, refuses to start, stops, dies and comes back."""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from callfloor.foundation.clock import now
from callfloor.foundation.local_authority import own_certificate
from tests.support.server import DEADLINE_SECONDS, Server, run_command, running_server

EXAMPLE = ("-m", "tests.server.example")


@contextlib.contextmanager
def upload_under_way(server: Server) -> Iterator[ssl.SSLSocket]:
    """A request whose body has begun and waits for its last 4 bytes."""
    plain = socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
    with server.trust().wrap_socket(plain, server_hostname="localhost") as connection:
        connection.sendall(b"POST /count HTTP/1.1\r\nhost: localhost\r\ncontent-length: 8\r\n\r\nhalf")
        server.wait_for("receiving", lambda line: line["size_bytes"] == 4)
        yield connection


def wait_until_it_refuses(server: Server) -> None:
    end = time.monotonic() + DEADLINE_SECONDS
    # Reset: it was accepted in the moment in which the socket was closed.
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
        while time.monotonic() < end:
            socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS).close()
        raise AssertionError("the server still accepts connections")


SHARED = {"CALLFLOOR_RATE_LIMIT_STORE": "database"}
"""Of servers that run beside each other."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that only answers."""
    with running_server(tmp_path_factory.mktemp("server"), "--no-worker", settings=SHARED) as found:
        yield found


class TestStart:
    def test_makes_all_it_needs_in_a_folder_that_was_not_there(self, tmp_path: Path, fresh_database_url: str) -> None:
        data = tmp_path / "not" / "there"
        with running_server(data, "--no-worker", database_url=fresh_database_url) as server, server.client() as client:
            ready = client.get("/readyz")

        assert ready.json() == {"status": "ok", "database": "answers"}
        assert sorted(path.name for path in data.iterdir()) == ["files", "secret.key", "tls"]

    def test_serves_two_ports_from_one_folder(self, server: Server) -> None:
        with running_server(server.data, "--no-worker", settings=SHARED) as other:
            for one in (server, other):
                with one.client() as client:
                    assert client.get("/readyz").status_code == 200

        assert other.port != server.port

    def test_uses_the_operators_certificate(self, tmp_path: Path) -> None:
        own = own_certificate(tmp_path / "own", ["calls.test"], now=now())
        given = ("--tls-cert", str(own.chain), "--tls-key", str(own.key))
        with running_server(tmp_path / "data", "--no-worker", *given) as server:
            plain = socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS)
            trust = ssl.create_default_context(cafile=own.authority)
            with trust.wrap_socket(plain, server_hostname="calls.test") as connection:
                assert connection.version() == "TLSv1.3"

        assert not (tmp_path / "data" / "tls").exists()


class TestPlainHttp:
    def test_is_closed_without_an_answer(self, server: Server) -> None:
        received = b""
        with socket.create_connection(("127.0.0.1", server.port), DEADLINE_SECONDS) as connection:
            connection.sendall(b"GET /api/v1/seats HTTP/1.1\r\nhost: localhost\r\nauthorization: Basic YTpi\r\n\r\n")
            with contextlib.suppress(ConnectionResetError):
                while chunk := connection.recv(4096):
                    received += chunk

        assert b"HTTP" not in received
        with server.client() as client:
            assert client.get("/healthz").status_code == 200

    def test_is_refused_to_whoever_does_not_trust_the_authority(self, server: Server) -> None:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            httpx.get(f"{server.url}/healthz", trust_env=False)


class TestRefusal:
    def test_of_a_taken_port_is_one_sentence(self, tmp_path: Path, server: Server) -> None:
        done = run_command("serve", "--data", str(tmp_path / "data"), "--port", str(server.port))

        assert done.returncode == 2
        assert done.stderr == (
            f"Port {server.port} on 127.0.0.1 is in use by another program. "
            "Stop that one, or choose another with --port.\n"
        )

    def test_of_a_wrong_setting_is_one_sentence(self, tmp_path: Path) -> None:
        done = run_command("serve", "--data", str(tmp_path), settings={"CALLFLOOR_RATE_LIMIT_REQUESTS": "many"})

        assert done.returncode == 2
        assert done.stderr == ("CALLFLOOR_RATE_LIMIT_REQUESTS must be a whole number of at least 1, and is 'many'.\n")
        assert done.stdout == ""

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            (["--behind-proxy", "--host", "0.0.0.0"], "--behind-proxy serves plain HTTP, which on 0.0.0.0 anybody"),
            (["--behind-proxy", "--tls-cert", "a", "--tls-key", "b"], "--behind-proxy serves plain HTTP: leave out"),
            (["--tls-cert", "a"], "--tls-cert and --tls-key belong together"),
            (["--tls-cert", "none.pem", "--tls-key", "none.pem"], "none.pem or none.pem cannot be read"),
            (["--database", "mysql://x"], "--database must be an address that begins with sqlite:/// or postgresql://"),
        ],
    )
    def test_of_what_cannot_be_says_why(self, tmp_path: Path, options: list[str], sentence: str) -> None:
        done = run_command("serve", "--data", str(tmp_path), "--port", "0", "--no-worker", *options)

        assert done.returncode == 2
        assert done.stderr.startswith(sentence)
        assert done.stderr.count("\n") == 1

    def test_of_a_database_that_does_not_answer_is_a_sentence(self, tmp_path: Path) -> None:
        url = "postgresql://nobody:hunter2@127.0.0.1:1/none"

        done = run_command("serve", "--data", str(tmp_path), "--port", "0", "--database", url)

        assert done.returncode == 1
        assert done.stderr.startswith("the database cannot be reached")
        assert "hunter2" not in done.stderr
        assert "Traceback" not in done.stderr

    def test_of_a_folder_that_cannot_be_made_is_a_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")

        done = run_command("serve", "--data", str(tmp_path / "file" / "data"), "--port", "0")

        assert done.returncode == 1
        assert done.stderr == f"{tmp_path / 'file' / 'data'} cannot be used: Not a directory.\n"


class TestStop:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_finishes_the_request_under_way(self, tmp_path: Path, number: signal.Signals) -> None:
        with running_server(tmp_path, program=EXAMPLE) as server, upload_under_way(server) as connection:
            server.process.send_signal(number)
            server.wait_for("stopping")
            wait_until_it_refuses(server)
            connection.sendall(b"rest")
            answer = b"".join(iter(lambda: connection.recv(4096), b""))

            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
            assert answer.endswith(b"\r\n\r\n8")
            assert server.wait() == 0
            server.wait_for("stopped")

    def test_does_not_wait_longer_than_its_grace(self, tmp_path: Path) -> None:
        short = {"CALLFLOOR_SHUTDOWN_GRACE_SECONDS": "0"}
        with running_server(tmp_path, program=EXAMPLE, settings=short) as server, upload_under_way(server):
            assert server.stop() == 0

    def test_is_immediate_at_the_second_interrupt(self, tmp_path: Path) -> None:
        with running_server(tmp_path, program=EXAMPLE) as server, upload_under_way(server):
            server.process.send_signal(signal.SIGINT)
            server.wait_for("stopping")

            assert server.stop(signal.SIGINT) == 130

    def test_by_kill_leaves_a_folder_that_serves_again(self, tmp_path: Path) -> None:
        made = ("secret.key", "tls/ca.pem", "tls/server.pem")
        with running_server(tmp_path, "--no-worker") as server, server.client() as client:
            assert client.get("/readyz").status_code == 200
            port = server.port
            first = [(tmp_path / name).read_bytes() for name in made]
            assert server.stop(signal.SIGKILL) == -signal.SIGKILL

        with running_server(tmp_path, "--no-worker", "--port", str(port)) as server, server.client() as client:
            assert client.get("/readyz").status_code == 200

        assert [(tmp_path / name).read_bytes() for name in made] == first
        assert (tmp_path / "callfloor.db").exists()
