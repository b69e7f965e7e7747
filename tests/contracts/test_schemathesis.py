"""The documents of all three APIs against a real server: no fault, and no answer they do not tell of.

All checks are on (`schemathesis.toml` says which are narrowed, and why), on both databases and in both types of team.
Each run has dice of its own, but where changes are let in, where it must not be chance that refuses one; a failure
prints its seed, and `--seed` with it makes the same run again.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from callfloor.access.accounts import NewMember
from callfloor.access.audit import OPERATOR
from callfloor.access.scopes import Scope
from callfloor.access.secrets import hash_password
from callfloor.access.tables import Role
from callfloor.conversations.transcripts import Segment
from callfloor.foundation import clock
from callfloor.foundation.database import Database, open_database
from callfloor.foundation.ids import new_secret
from callfloor.teams.people import add_person
from callfloor.teams.tables import TeamType
from callfloor.teams.teams import Team
from tests.factories.conversations import make_conversation
from tests.factories.devices import HASH_KEY, log_in, machine, make_device_team
from tests.factories.teams import make_api_key, make_conversations_key, make_portal_key, make_team
from tests.support.server import Server, running_server

HERE = Path(__file__).parent
DOCUMENTS = HERE.parents[1] / "docs" / "api"
LIMITS = ("RATE_LIMIT", "API_LIMIT", "AGENT_LIMIT", "EVENTS_LIMIT", "CONVERSATIONS_LIMIT")
SETTINGS = {
    "CALLFLOOR_SECRET_KEY": HASH_KEY.decode(),
    **{f"CALLFLOOR_{limit}_REQUESTS": "1000000" for limit in LIMITS},
}
PASSWORD = "correct horse battery"
OF_DEVICES = ("Agent", "Devices", "Live")
EITHER = ("Billing", "Team", "Usage", "Webhooks")
"""Alike in both types of team: asked in one."""
IN_BOTH = ("Seats", "Seat reclaim")


@dataclasses.dataclass(frozen=True)
class Run:
    """Whom the tester plays, and what it asks."""

    document: str
    type: TeamType
    options: tuple[str, ...]


def tags(option: str, *names: str) -> tuple[str, ...]:
    """Return the options that name these tags."""
    return tuple(part for name in names for part in (option, name))


RUNS = {
    "portal, devices": Run("portal.json", TeamType.DEVICE, ("--max-examples", "4")),
    "conversations": Run("conversations.json", TeamType.EMAIL, ("--max-examples", "10")),
    "portal, people": Run("portal.json", TeamType.EMAIL, ("--max-examples", "4")),
    "callfloor, devices": Run(
        "callfloor.json",
        TeamType.DEVICE,
        ("--max-examples", "2", *tags("--include-tag", *OF_DEVICES, *EITHER, *IN_BOTH)),
    ),
    "callfloor, people": Run(
        "callfloor.json", TeamType.EMAIL, ("--max-examples", "2", *tags("--exclude-tag", *OF_DEVICES, *EITHER))
    ),
}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_every_answer_is_one_the_document_tells_of(tmp_path: Path, fresh_database_url: str, run: Run) -> None:
    with running_server(tmp_path / "data", "--no-worker", database_url=fresh_database_url, settings=SETTINGS) as server:
        environment = part_of(server, fresh_database_url, run, tmp_path)
        done = subprocess.run(
            arguments(server, run),
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env=environment,
            timeout=800,
        )

        assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
        assert server.events("request_failed") == []


def arguments(server: Server, run: Run) -> list[str]:
    """Return the command that asks the server all that the document tells of."""
    config = ("--config-file", str(HERE / "schemathesis.toml"))
    where = ("--url", server.url, "--tls-verify", str(server.authority))
    program = (sys.executable, "-m", "schemathesis.cli", *config, "run", str(DOCUMENTS / run.document))
    dice = ("--seed", "1") if "CI" in os.environ else ()
    return [*program, *where, *dice, "--no-color", "--generation-database", "none", *run.options]


def part_of(server: Server, database_url: str, run: Run, folder: Path) -> dict[str, str]:
    """Make two teams, and return what the tester has to know to play one beside the other."""
    db = open_database(database_url)
    devices: dict[str, str] = {}
    keys = []
    for name in ("ours", "theirs"):
        team = team_of(db, run.type, devices if name == "ours" else {})
        add_member(db, team, f"{name}@people.example")
        if run.document == "conversations.json":
            make_conversation(db, team, transcript=[Segment("Ada", 0, 1000, "Good morning.")])
        keys.append(headers_of(db, team, run.document))
    db.close_now()
    callers = [
        {"name": name, "fixedHeaders": [{"name": header, "value": value} for header, value in key.items()]}
        for name, key in zip(("ours", "theirs"), keys, strict=True)
    ]
    (folder / "callers.json").write_text(json.dumps({"auth": callers}))
    return {
        **os.environ,
        "TEAM_SECRET": "",
        "DEVICE": "",
        "LEAVING_DEVICE": "",
        **devices,
        "EMAIL": "ours@people.example",
        "PASSWORD": PASSWORD,
        "SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py"),
        "CALLERS": str(folder / "callers.json"),
        "KEY": keys[0].get("Authorization", ""),
        "OWN_KEYS": ",".join(own_keys(server, keys)),
    }


def headers_of(db: Database, team: Team, document: str) -> dict[str, str]:
    """Make a key for the document's API; return the headers it signs in by."""
    if document == "callfloor.json":
        return make_api_key(db, team.id, *Scope, hash_key=HASH_KEY)
    if document == "portal.json":
        return make_portal_key(db, team, hash_key=HASH_KEY).header
    return make_conversations_key(db, team, hash_key=HASH_KEY).headers


def add_member(db: Database, team: Team, email: str) -> None:
    """Add a person who can sign in."""
    hashed = hash_password(PASSWORD)
    member = NewMember(team.id, email, Role.ADMIN, clock.now(), first_name="Ada", password_hash=hashed)
    db.write_now(lambda tx: add_person(tx, member, OPERATOR))


def team_of(db: Database, type_: TeamType, devices: dict[str, str]) -> Team:
    """Make a team; one of devices has two machines, whose tokens are noted."""
    if type_ is TeamType.EMAIL:
        return make_team(db, seats=20)
    team = make_device_team(db, seats=20)
    devices["TEAM_SECRET"] = team.secret
    for number, name in enumerate(("DEVICE", "LEAVING_DEVICE")):
        token = new_secret()
        log_in(db, team, machine(number), token=token)
        devices[name] = f"Bearer {token}"
    return team.team


def own_keys(server: Server, headers: list[dict[str, str]]) -> list[str]:
    """Return the ids of the tester's keys of the Callfloor API."""
    with server.client() as http:
        answers = [http.get("/api/v2/keys", headers=one) for one in headers]
    return [str(key["id"]) for one in answers if one.is_success for key in one.json()["data"]]
