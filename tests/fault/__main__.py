"""Run fault programs, each on a fresh database of both kinds; without a name, all of them.

    python -m tests.fault [PROGRAM ...] [-- ARGUMENT ...]

What follows `--` goes to each program, which takes `--database URL` besides and ends with 0 when its promise held:
`python -m tests.fault fleet -- --devices 5000 --speed 60`. What that may be, `python -m tests.fault.fleet --help` says.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.support.databases import PostgresTemplate, SqliteTemplate, postgres_server

PROGRAMS = (
    "lock_held",
    "slow_disk",
    "kill_writers",
    "kill_sequencer",
    "kill_jobs",
    "kill_webhooks",
    "fleet",
    "walk",
    "uploads",
)
END_OF_NAMES = "--"


def main(given: list[str]) -> int:
    """Run the programs of the command line; return 1 when one of them did not keep its promise."""
    end = given.index(END_OF_NAMES) if END_OF_NAMES in given else len(given)
    parser = argparse.ArgumentParser(
        "python -m tests.fault",
        usage="%(prog)s [-h] [PROGRAM ...] [-- ARGUMENT ...]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("programs", metavar="PROGRAM", nargs="*", type=_program, help=", ".join(PROGRAMS))
    return run(parser.parse_args(given[:end]).programs or PROGRAMS, given[end + 1 :])


def run(programs: Sequence[str], arguments: Sequence[str]) -> int:
    """Run the programs with these arguments; return 1 when one of them did not keep its promise."""
    broken = []
    with tempfile.TemporaryDirectory() as folder, postgres_server(Path(folder) / "postgresql") as server:
        (Path(folder) / "sqlite").mkdir()
        templates = (SqliteTemplate(Path(folder) / "sqlite"), PostgresTemplate(server))
        for program in programs:
            for template in templates:
                command = [sys.executable, "-m", f"tests.fault.{program}", "--database", template.fresh_url()]
                if subprocess.run([*command, *arguments], check=False).returncode:
                    broken.append(program)
    sys.stdout.write(f"broken: {', '.join(sorted(set(broken)))}\n" if broken else "every promise held\n")
    return 1 if broken else 0


def _program(name: str) -> str:
    if name not in PROGRAMS:
        raise argparse.ArgumentTypeError(f"{name} is none of {', '.join(PROGRAMS)}")
    return name


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
