"""kill −9 at every step, on both databases: the short form of `tests/fault`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
KILLS = 10
LIMIT_SECONDS = 110


@pytest.mark.parametrize("program", ["kill_jobs", "kill_sequencer", "kill_webhooks"])
def test_nothing_is_lost_or_done_twice_however_often_processes_are_killed(
    fresh_database_url: str, program: str
) -> None:
    command = [sys.executable, "-m", f"tests.fault.{program}", "--database", fresh_database_url, "--kills", str(KILLS)]

    ended = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert " kills in " in ended.stdout
