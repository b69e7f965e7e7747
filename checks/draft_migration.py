"""Write the migration that brings the last released schema to the tables of this tree.

    python checks/draft_migration.py [SUBJECT]

The first release has one migration of tables, written anew from all of them each time; those that follow it are
written by hand, and stand aside meanwhile.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from callfloor.foundation.database.migrate import alembic_config, engine_for

VERSIONS = Path(__file__).parents[1] / "src/callfloor/migrations/versions"
UNRELEASED = ("20261122", "first_light")


def main() -> None:
    """Rewrite the unreleased migration."""
    date, subject = UNRELEASED
    for old in VERSIONS.glob(f"{date}_{subject}.py"):
        old.unlink()
    by_hand = {path: path.read_bytes() for path in VERSIONS.glob(f"{date}_*.py")}
    for path in by_hand:
        path.unlink()
    try:
        _draft(date, subject)
    finally:
        for path, content in by_hand.items():
            path.write_bytes(content)


def _draft(date: str, subject: str) -> None:
    config = alembic_config()
    config.set_main_option("file_template", f"{date}_{subject}")
    with tempfile.TemporaryDirectory() as folder:
        engine = engine_for(f"sqlite:///{folder}/draft.db")
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.revision(
                config, message=subject.replace("_", " ").capitalize(), autogenerate=True, rev_id=f"{date}_{subject}"
            )
        engine.dispose()
    sys.stdout.write(f"wrote {VERSIONS.name}/{date}_{subject}.py\n")


if __name__ == "__main__":
    main()
