"""`callfloor retention`, `hold`, `erasure`, `redaction` and `analysis`, as an operator runs them."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from callfloor.conversations.outcomes import record_failure
from callfloor.conversations.transcripts import Segment
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from tests.factories.conversations import CUSTOMER, make_conversation, make_recorded_call
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


def test_an_operator_takes_parts_out(data: Path) -> None:
    services = open_services(Settings(data=data, secret_key=SecretStr("k" * 43)))
    team = make_team(services.db)
    call = make_conversation(services.db, team, transcript=[Segment("Cleo", 1000, 2000, "It is 4111.")])
    services.close_now()
    asked = (call, "--team", str(team.id), "--part", "0.9-1.25", "--part", "1.5-1.6")

    tried = ran(data, "redaction", "request", "--dry-run", *asked)
    done = ran(data, "redaction", "request", *asked)
    listed = ran(data, "redaction", "list", call, "--team", str(team.id))
    wrong = run_command("redaction", "request", call, "--team", str(team.id), "--part", "a-b", "--data", str(data))

    same = {"id": None, "requested_at": ""}
    assert tried | same == done | same
    assert done["parts"] == ["0.9-1.25", "1.5-1.6"]
    assert done["counts"] == {"segments": 1, "comments": 0, "webhook_deliveries": 0}
    assert listed["redactions"] == [done]
    assert (wrong.returncode, wrong.stderr) == (2, "--part a-b: give seconds from the beginning, such as 61.5-74.\n")


def test_an_operator_has_the_calls_of_some_days_analyzed_anew(data: Path) -> None:
    services = open_services(Settings(data=data, secret_key=SecretStr("k" * 43)))
    team = make_team(services.db)
    calls = [make_recorded_call(services.db, team) for _ in range(3)]
    reason = ("silent", "The recording is silent.")
    for call in calls[:2]:
        fail = functools.partial(record_failure, team_id=team.id, conversation_id=call, reason=reason, now=clock.now())
        services.db.write_now(fail)
    services.close_now()
    repeat, of_team = ("analysis", "repeat"), ("--team", str(team.id))
    days = ("--from", "2026-01-01", "--to", "2100-01-01")

    past = ran(data, *repeat, *of_team, "--from", "2020-01-01", "--to", "2020-12-31")
    one = ran(data, *repeat, *of_team, "--language", "auto", calls[0], calls[2], "none")
    failed = ran(data, *repeat, *of_team, *days, "--failed")
    rest = ran(data, *repeat, *of_team, *days)
    wrong = run_command(*repeat, *of_team, "--data", str(data))

    assert past == {"queued": 0, "refused": {}}
    assert one == {"queued": 1, "refused": {"analysis_under_way": 1, "conversation_not_found": 1}}
    assert (failed, rest) == ({"queued": 1, "refused": {}}, {"queued": 0, "refused": {}})
    assert (wrong.returncode, wrong.stderr) == (2, "Give ids, or --from and --to.\n")
