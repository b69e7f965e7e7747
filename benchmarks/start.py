"""How soon a server answers after it was started, and what it and a worker hold in memory while they are idle.

    python -m benchmarks.start [--database sqlite|postgresql] [--rounds 5] [--quick]

A start is timed from the beginning of the process to its first page of seats, asked with a key; the bound is Python
with FastAPI imported and nothing else, by turns, on one core. Both have their bytecode from an earlier run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks import command, report
from benchmarks.processes import LOAD_CORE, SERVER_CORE, ServerFailed, pinned
from benchmarks.report import Goal, Row, faster
from benchmarks.seats_data import Seeded, database_server, seed

_BIN = Path(sys.executable).parent
_SAMPLE = Path(__file__).parents[1] / "samples" / "wrong_number.opus"
_SEATS = 1_000
_MB = 1_000_000
_SETTLE_SECONDS = 1.0
_DEADLINE_SECONDS = 300.0
_SERVER_MB, _WORKER_MB = 150, 400


@dataclasses.dataclass(frozen=True, slots=True)
class Plan:
    """How often each is started."""

    rounds: int = 5


QUICK = Plan(rounds=2)


class Started:
    """A server, asked as soon as it says where it listens."""

    def __init__(self, data: Path, database: str, *options: str) -> None:
        command = [str(_BIN / "callfloor"), "serve", "--data", str(data), "--database", database]
        command += ["--port", "0", "--behind-proxy", *options]
        self.begun = time.perf_counter()
        with pinned(SERVER_CORE):
            self._process = subprocess.Popen(
                command,
                env=_environment(CALLFLOOR_LOG_FORMAT="json"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
        self._lines = iter(self._process.stderr or ())
        self.url = self._url()
        self._reader = threading.Thread(target=self._read_on, daemon=True)
        self._reader.start()

    def _url(self) -> str:
        said = []
        for line in self._lines:
            said.append(line)
            if line.startswith("{") and json.loads(line)["event"] == "listening":
                return str(json.loads(line)["url"])
        raise ServerFailed(f"callfloor serve did not start:\n{''.join(said)}")

    def _read_on(self) -> None:
        for _ in self._lines:
            pass

    def milliseconds(self) -> float:
        """Return the time since the process began."""
        return (time.perf_counter() - self.begun) * 1000

    def memory(self) -> float:
        """Return what the process holds in RAM, in MB."""
        return _resident(psutil.Process(self._process.pid))

    def worker_memory(self) -> float:
        """Return what the worker beside it holds in RAM, in MB."""
        [worker] = psutil.Process(self._process.pid).children()
        return _resident(worker)

    def end(self) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait()
        self._reader.join()


def _resident(process: psutil.Process) -> float:
    held: int = process.memory_info().rss
    return held / _MB


@contextlib.contextmanager
def _started(data: Path, database: str, *options: str) -> Iterator[Started]:
    server = Started(data, database, *options)
    try:
        yield server
    finally:
        server.end()


def _environment(**more: str) -> dict[str, str]:
    """Return an environment in which Python keeps its bytecode, as it does unless told not to."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {**kept, **more}


def _start(seeded: Seeded) -> tuple[float, float, float]:
    """Return the milliseconds to a page of seats and to an answer of the Callfloor API, and MB when all is loaded."""
    with _started(seeded.data, seeded.database, "--no-worker") as server, httpx.Client(base_url=server.url) as client:
        page = client.get("/api/v1/seats", headers=seeded.headers)
        first = server.milliseconds()
        _expect(page, 200)
        _expect(client.get("/api/v2/team"), 401)
        second = server.milliseconds()
        time.sleep(_SETTLE_SECONDS)
        return first, second, server.memory()


def _import_fastapi() -> float:
    begun = time.perf_counter()
    with pinned(SERVER_CORE):
        subprocess.run([sys.executable, "-c", "import fastapi"], check=True, env=_environment())
    return (time.perf_counter() - begun) * 1000


def _expect(answer: httpx.Response, status: int) -> None:
    if answer.status_code != status:
        raise ServerFailed(f"{answer.request.url} answered {answer.status_code}: {answer.text[:300]}")


def server_rows(database: str, plan: Plan) -> list[Row]:
    """Return the rows of a server on this database."""
    starts, bounds = [], []
    with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name:
        folder = Path(name)
        with pinned(LOAD_CORE), database_server(database, folder) as url:
            seeded = seed(folder, "seeded", url, _SEATS)
            for number in range(plan.rounds + 1):
                report.progress(f"{database}: start {number} of {plan.rounds}")
                turns: list[Callable[[], None]] = [
                    lambda: starts.append(_start(seeded)),
                    lambda: bounds.append(_import_fastapi()),
                ]
                for turn in turns if number % 2 else reversed(turns):
                    turn()
    # The first start of each wrote the bytecode.
    starts, bounds = starts[1:], bounds[1:]
    answers = [(first, bound) for (first, _, _), bound in zip(starts, bounds, strict=True)]
    whole = [(second, bound) for (_, second, _), bound in zip(starts, bounds, strict=True)]
    memory = [(held, float(_SERVER_MB)) for _, _, held in starts]
    against = "import fastapi"
    return [
        faster("cold start to the first page of seats", database, against, "ms", answers, goal=Goal(at_most=3.0)),
        faster("cold start to an answer of /api/v2", database, against, "ms", whole),
        faster("memory of an idle server", database, "limit", "MB", memory, goal=Goal(at_most=1.0)),
    ]


def worker_row(plan: Plan) -> Row:
    """Return the row of a worker that has transcribed a call with the model `base`, and waits."""
    held = []
    for number in range(min(plan.rounds, 3)):
        report.progress(f"worker: round {number + 1}")
        with tempfile.TemporaryDirectory(prefix="callfloor-bench-") as name:
            data = Path(name) / "data"
            database = f"sqlite:///{data / 'callfloor.db'}"
            headers = _conversations_key(data)
            with _started(data, database) as server, httpx.Client(base_url=server.url, headers=headers) as client:
                _transcribe(client)
                time.sleep(_SETTLE_SECONDS)
                held.append((server.worker_memory(), float(_WORKER_MB)))
    what = "memory of an idle worker, base loaded"
    return faster(what, "sqlite", "limit", "MB", held, goal=Goal(at_most=1.0))


def _conversations_key(data: Path) -> Mapping[str, str]:
    team = _made(data, "team", "create", "Benchmark", "--type", "email")
    options = ("--team", str(team["team_id"]), "--kind", "conversations", "--name", "bench")
    key = _made(data, "key", "create", *options)
    return {"api-key": key["api_key"], "client-id": key["client_id"]}


def _made(data: Path, *arguments: str) -> Any:
    command = [str(_BIN / "callfloor"), *arguments, "--data", str(data), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _transcribe(client: httpx.Client) -> None:
    with _SAMPLE.open("rb") as recording:
        made = client.post("/calls", files={"file": (_SAMPLE.name, recording, "audio/ogg")}, timeout=60)
    _expect(made, 202)
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while (status := client.get(f"/calls/{made.json()['id']}").json()["processingStatus"]) != "analyzed":
        if status == "failed" or time.monotonic() > deadline:
            raise ServerFailed(f"the call is {status}")
        time.sleep(_SETTLE_SECONDS)


def main() -> int:
    """Measure and print."""
    return command.run(
        "start",
        "Start and idle memory of a server and a worker.",
        server_rows,
        full=Plan(),
        quick=QUICK,
        and_also=lambda plan: [worker_row(plan)],
    )


if __name__ == "__main__":
    sys.exit(main())
