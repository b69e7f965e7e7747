"""The command line of `python -m tests.fault`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
LIMIT_SECONDS = 110


def asked(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it with these arguments."""
    command = [sys.executable, "-m", "tests.fault", *arguments]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False)


def test_help_tells_the_programs_and_runs_none() -> None:
    told = asked("--help")

    assert (told.returncode, told.stderr) == (0, "")
    assert "python -m tests.fault [-h] [PROGRAM ...] [-- ARGUMENT ...]" in told.stdout
    assert "kill_sequencer" in told.stdout
    assert "promise held\n" not in told.stdout


def test_an_unknown_program_is_refused_before_any_runs() -> None:
    refused = asked("lock_held", "kill_nobody")

    assert (refused.returncode, refused.stdout) == (2, "")
    assert "kill_nobody is none of lock_held, slow_disk" in refused.stderr


def test_what_follows_two_dashes_goes_to_the_program() -> None:
    ran = asked("kill_writers", "--", "--help")

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count("[--kills KILLS]") == 2  # on both databases
    assert ran.stdout.endswith("every promise held\n")
