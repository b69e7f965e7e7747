"""Run every fault program, each on a fresh database of both kinds: `python -m tests.fault [PROGRAM ...]`.

A program takes `--database URL` and ends with 0 when its promise held.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
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


def main(asked: list[str]) -> int:
    """Run the programs; return 1 when one of them did not keep its promise."""
    broken = []
    with tempfile.TemporaryDirectory() as folder, postgres_server(Path(folder) / "postgresql") as server:
        (Path(folder) / "sqlite").mkdir()
        templates = (SqliteTemplate(Path(folder) / "sqlite"), PostgresTemplate(server))
        for program in asked or PROGRAMS:
            for template in templates:
                command = [sys.executable, "-m", f"tests.fault.{program}", "--database", template.fresh_url()]
                if subprocess.run(command, check=False).returncode:
                    broken.append(program)
    sys.stdout.write(f"broken: {', '.join(sorted(set(broken)))}\n" if broken else "every promise held\n")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
