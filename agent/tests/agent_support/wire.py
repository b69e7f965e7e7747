"""A server that follows the contract of the agent API, and plays the answers that a healthy server seldom gives."""

from __future__ import annotations

import contextlib
import email.utils
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from agent_support import DEADLINE_SECONDS

SECRET = "the team's secret"
Answer = tuple[int, dict[str, Any], dict[str, str]]


def refusal(status: int, code: str, **headers: str) -> Answer:
    """Return an answer that refuses."""
    return status, {"code": code, "detail": f"it is {code}"}, headers


class Wire:
    """The server's side: what came, and what is answered next."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.log_ins: list[dict[str, Any]] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.taken: dict[str, dict[str, Any]] = {}
        self.next_answers: list[Answer | None] = []
        self.next_log_ins: list[Answer] = []
        self.rejects: Callable[[dict[str, Any]], bool] = lambda _: False
        self.heartbeat_seconds = 3600
        self.ahead_seconds = 0
        self.tokens: set[str] = set()

    @property
    def states(self) -> list[dict[str, Any]]:
        """Return the state events taken, in their order."""
        return sorted((one for one in self.taken.values() if one["kind"] == "state"), key=lambda one: str(one["at"]))

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Return the call events taken, in the order of their arrival."""
        return [one for one in self.taken.values() if one["kind"] == "call"]

    def wait(self, is_so: Callable[[], object]) -> None:
        """Wait until it is so, as more and more arrives."""
        with self.changed:
            assert self.changed.wait_for(lambda: bool(is_so()), DEADLINE_SECONDS), (
                f"log-ins {self.log_ins}\nbatches {self.batches[-5:]}"
            )

    def answer(self, path: str, body: dict[str, Any], token: str | None) -> Answer | None:
        """Return the answer; None to hang up without one, after the batch was taken."""
        with self.changed:
            try:
                return self._answer(path, body, token)
            finally:
                self.changed.notify_all()

    def _answer(self, path: str, body: dict[str, Any], token: str | None) -> Answer | None:
        if path.endswith("/login"):
            return self._log_in(body)
        if token not in self.tokens:
            return refusal(401, "token_invalid")
        if path.endswith("/logout"):
            self.tokens.discard(token or "")
            return 204, {}, {}
        self.batches.append(body["events"])
        given = self.next_answers.pop(0) if self.next_answers else self._take(body["events"])
        if given is None:
            self._take(body["events"])
        return given

    def _log_in(self, body: dict[str, Any]) -> Answer:
        self.log_ins.append(body)
        if self.next_log_ins:
            return self.next_log_ins.pop(0)
        if body["team_secret"] != SECRET:
            return refusal(401, "team_secret_invalid")
        return self._welcome()

    def _welcome(self) -> Answer:
        token = f"token {len(self.tokens) + 1}"
        self.tokens.add(token)
        return 200, {"device_id": 7, "seat_id": 9, "token": token, "heartbeat_seconds": self.heartbeat_seconds}, {}

    def _take(self, events: list[dict[str, Any]]) -> Answer:
        rejected = [
            {"index": index, "id": event["id"], "code": "out_of_range", "field": "at", "message": "not this one"}
            for index, event in enumerate(events)
            if self.rejects(event)
        ]
        refused = {one["id"] for one in rejected}
        new = {event["id"]: event for event in events if event["id"] not in self.taken and event["id"] not in refused}
        self.taken |= {id_: event for id_, event in new.items() if event["kind"] != "heartbeat"}
        duplicates = len(events) - len(rejected) - len(new)
        answer = {"accepted": len(new), "duplicates": duplicates, "rejected": rejected}
        return 200, {**answer, "heartbeat_seconds": self.heartbeat_seconds}, {}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wire: Wire

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        answer = self.wire.answer(self.path, body, token)
        if answer is None:
            self.close_connection = True
            return
        status, content, headers = answer
        encoded = b"" if status == 204 else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(encoded)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(encoded)

    def date_time_string(self, timestamp: float | None = None) -> str:
        seconds = time.time() if timestamp is None else timestamp  # noqa: TID251  # the clock of another machine
        return email.utils.formatdate(seconds + self.wire.ahead_seconds, usegmt=True)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the name in the base class
        return


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that was killed in mid-request


@contextlib.contextmanager
def listening(wire: Wire, port: int = 0) -> Iterator[str]:
    """Let it answer on the port, any if 0; yield its address."""
    server = _Server(("127.0.0.1", port), type("Handler", (_Handler,), {"wire": wire}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(DEADLINE_SECONDS)
