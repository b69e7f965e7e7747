"""The worker beside a server: it lives while the server lives, and no longer."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil
import pytest

from tests.support.server import DEADLINE_SECONDS, Program, Server, environment, running_server


def worker_of(server: Server) -> psutil.Process:
    (found,) = psutil.Process(server.process.pid).children()
    return found


def is_gone(worker: psutil.Process) -> bool:
    _, alive = psutil.wait_procs([worker], timeout=DEADLINE_SECONDS)
    return not alive


class TestWorkerOfAServer:
    def test_is_started_again_when_it_dies_and_ends_with_the_server(self, tmp_path: Path) -> None:
        with running_server(tmp_path) as server:
            server.wait_for("working")
            first, seen = worker_of(server), len(server.lines)
            # Arguments can be read by every user of the machine.
            assert [part for part in first.cmdline() if "sqlite" in part or "postgres" in part] == []

            first.kill()

            assert server.wait_for("worker_died")["exit_code"] == -signal.SIGKILL
            server.wait_for("working", after=seen)
            second = worker_of(server)
            assert second.pid != first.pid

            assert server.stop() == 0
            assert is_gone(second)
            assert len(server.events("worker_died")) == 1

    def test_ends_when_the_server_is_killed(self, tmp_path: Path) -> None:
        with running_server(tmp_path) as server:
            server.wait_for("working")
            worker = worker_of(server)

            server.process.kill()

            assert is_gone(worker)


class TestWorkerAlone:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_stops_at_a_signal(self, tmp_path: Path, fresh_database_url: str, number: signal.Signals) -> None:
        arguments = ["-m", "callfloor.server.cli", "worker", "--data", str(tmp_path), "--database", fresh_database_url]
        program = Program(arguments, environment())
        try:
            program.wait_for("working")

            assert program.stop(number) == 0
        finally:
            program.end()
