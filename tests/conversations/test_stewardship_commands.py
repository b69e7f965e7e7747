"""`callfloor retention`, `hold` and `erasure`, as an operator runs them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from tests.factories.conversations import CUSTOMER, make_conversation
from tests.factories.teams import make_team
from tests.support.server import run_command


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path


def ran(data: Path, *arguments: str) -> dict[str, Any]:
    done = run_command(*arguments, "--data", str(data), "--json")
    assert done.returncode == 0, done.stderr
    printed: dict[str, Any] = json.loads(done.stdout)
    return printed


def test_an_operator_retains_holds_and_erases(data: Path) -> None:
    services = open_services(Settings(data=data, secret_key=SecretStr("k" * 43)))
    team = make_team(services.db)
    call = make_conversation(services.db, team, date=clock.now() - 40 * DAY)
    services.close_now()
    of_team, whom = ("--team", str(team.id)), ("--email", str(CUSTOMER.email))

    kept = ran(data, "retention", "set", "--calls", "30", *of_team)
    hold = ran(data, "hold", "place", "--reason", "Case 1", *whom, *of_team)
    refused = run_command("erasure", "request", *whom, *of_team, "--data", str(data))
    ran(data, "hold", "lift", hold["id"], *of_team)
    tried = ran(data, "erasure", "request", "--dry-run", *whom, *of_team)
    asked = ran(data, "erasure", "request", *whom, *of_team)
    receipt = ran(data, "erasure", "show", asked["erasure"], *whom, *of_team)

    assert (kept["call_days"], kept["calls_due"], kept["meeting_days"]) == (30, 1, None)
    assert refused.returncode == 1
    assert "Case 1" in refused.stderr
    assert tried["erasure"] is None
    assert tried["conversations"] == asked["conversations"] == [{"id": call, "kind": "call", "state": "waiting"}]
    assert (receipt["state"], receipt["is_about"], receipt["requested_by"]["kind"]) == ("running", True, "operator")
