"""`/api/v1` of a device team: seats blocked, the block list, entries unblocked."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from callfloor.access.audit import Actor
from callfloor.devices.blocking import ChangeDevice, block_device
from callfloor.foundation.clock import iso
from callfloor.foundation.database import Database
from callfloor.teams.teams import Team
from tests.contracts.portal_client import PortalClient
from tests.devices.looking import trail_of
from tests.factories.devices import DeviceTeam, log_in, machine, make_device_team
from tests.factories.teams import make_team

NOW = 1_800_000_000_000
PortalOf = Callable[[Team], PortalClient]


@pytest.fixture
def floor(db: Database, portal: PortalOf) -> tuple[DeviceTeam, PortalClient]:
    """A device team of four seats, three of them held by ws-0, ws-1, WS-Straße; and its client."""
    team = make_device_team(db, seats=4)
    for name in ("ws-0", "ws-1", "WS-Straße"):
        log_in(db, team, machine(name, hostname=name), now=NOW)
    return team, portal(team.team)


def held(client: PortalClient) -> dict[str, int]:
    """Return the seat of every hostname."""
    return {row["hostname"]: row["id"] for row in client.every_seat(status="assigned")}


class TestBlock:
    def test_frees_the_seat_and_enters_the_list(self, floor: tuple[DeviceTeam, PortalClient]) -> None:
        _, client = floor
        seat_id = held(client)["ws-1"]

        answer = client.block(seat_id)

        assert (answer.error, answer.data) == (None, {"id": seat_id})
        (row,) = client.seats(status="unassigned").data["rows"][:1]
        assert (row["id"], row["hostname"], row["assigned_at"]) == (seat_id, None, None)
        (entry,) = client.blocked().data["rows"]
        assert (entry["hostname"], entry["nickname"], entry["username"]) == ("ws-1", None, "ada")
        assert entry["blocked_by"] == "ops"
        assert client.seats(status="assigned").data["count"] == 2

    def test_of_a_seat_that_is_empty_by_then(self, floor: tuple[DeviceTeam, PortalClient]) -> None:
        _, client = floor
        seat_id = held(client)["ws-1"]

        assert [client.block(seat_id).error for _ in range(2)] == [None, "SEAT_IS_EMPTY"]
        assert client.blocked().data["count"] == 1

    def test_of_no_seat(self, floor: tuple[DeviceTeam, PortalClient]) -> None:
        _, client = floor

        assert client.block(2**62).error == client.block("9" * 40).error == "SEAT_NOT_FOUND"
        for wrong in ("x", "1.0", "-1", "%20", "1%00"):
            assert client.block(wrong).fields == {"id"}

    def test_takes_a_body_of_any_kind_or_none(self, floor: tuple[DeviceTeam, PortalClient]) -> None:
        _, client = floor
        seats = list(held(client).values())

        json = client.call("PUT", f"/api/v1/seats/block/{seats[0]}", json={"reason": "x"})
        form = client.call("PUT", f"/api/v1/seats/block/{seats[1]}", data={"reason": "x"})

        assert (json.error, form.error) == (None, None)

    def test_is_said_of_the_key_in_the_trail(self, db: Database, floor: tuple[DeviceTeam, PortalClient]) -> None:
        team, client = floor
        client.block(held(client)["ws-0"])

        ((_, kind, _),) = trail_of(db, team.id, "device.blocked")

        assert kind == "portal_key"


class TestList:
    def test_tells_who_blocked_and_when(self, db: Database, floor: tuple[DeviceTeam, PortalClient]) -> None:
        team, client = floor
        seated = log_in(db, team, machine("ws-0", hostname="ws-0"), now=NOW + 1)
        ada = Actor("account", "3", "ada@people.example", "", "")
        db.write_now(lambda tx: block_device(tx, ChangeDevice(team.id, seated.device_id, ada, NOW + 2, "lost")))

        (row,) = client.blocked().data["rows"]

        assert (row["blocked_by"], row["blocked_at"]) == ("ada@people.example", iso(NOW + 2))
        assert set(row) == {"id", "hostname", "nickname", "username", "blocked_at", "blocked_by"}

    def test_is_searched_and_paged(self, floor: tuple[DeviceTeam, PortalClient]) -> None:
        _, client = floor
        for seat_id in held(client).values():
            assert client.block(seat_id).error is None

        def names(**query: object) -> tuple[list[str], int]:
            data = client.blocked(**query).data
            return [row["hostname"] for row in data["rows"]], data["count"]

        everyone = ["ws-0", "ws-1", "WS-Straße"]
        assert names() == names(qs="") == names(qs="WS-") == (everyone, 3)
        assert names(qs="strasse") == names(qs="STRASSE") == (["WS-Straße"], 1)
        assert names(qs="%") == names(qs="ws_0") == ([], 0)
        assert names(perPage=2) == (everyone[:2], 3)
        assert names(page=2, perPage=2) == (everyone[2:], 3)
        assert names(page=3, perPage=2, qs="ws") == ([], 3)
        assert names(page=10**9) == ([], 3)
        assert names(unknown="x") == (everyone, 3)

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ({"page": "0"}, "page"),
            ({"page": "x"}, "page"),
            ({"page": "1.0"}, "page"),
            ({"perPage": "101"}, "perPage"),
            ({"perPage": "0"}, "perPage"),
            ({"perPage": ""}, "perPage"),
            ({"qs": "\0"}, "qs"),
            ({"qs": "x" * 256}, "qs"),
            ({"qs": ["a", "b"]}, "qs"),
        ],
    )
    def test_refuses_what_it_cannot_read(
        self, floor: tuple[DeviceTeam, PortalClient], query: dict[str, object], field: str
    ) -> None:
        assert floor[1].blocked(**query).fields == {field}

    def test_names_every_wrong_parameter_before_the_team_type(self, db: Database, portal: PortalOf) -> None:
        client = portal(make_team(db))

        assert client.blocked(page=0, perPage=0, qs="\0").fields == {"page", "perPage", "qs"}
        assert client.block("x").fields == client.unblock("x").fields == {"id"}
        assert client.blocked().error == "NOT_PERMITTED_CHANGE_SEAT_STATUS"


class TestUnblock:
    def test_is_by_the_entry_and_not_by_the_seat(self, db: Database, floor: tuple[DeviceTeam, PortalClient]) -> None:
        team, client = floor
        client.block(held(client)["ws-0"])
        (entry,) = client.blocked().data["rows"]

        answer = client.unblock(entry["id"])

        assert (answer.error, answer.data) == (None, {"id": entry["id"]})
        assert client.blocked().data == {"rows": [], "count": 0}
        assert client.unblock(entry["id"]).error == "NOT_FOUND"
        assert log_in(db, team, machine("ws-0", hostname="ws-0"), now=NOW + 10).seat_id == held(client)["ws-0"]

    def test_of_no_entry(self, floor: tuple[DeviceTeam, PortalClient]) -> None:
        _, client = floor

        assert client.unblock(2**62).error == client.unblock("9" * 40).error == "NOT_FOUND"
        for wrong in ("x", "1.0", "-1"):
            assert client.unblock(wrong).fields == {"id"}

    def test_of_another_teams_entry(
        self, db: Database, portal: PortalOf, floor: tuple[DeviceTeam, PortalClient]
    ) -> None:
        _, client = floor
        client.block(held(client)["ws-0"])
        (entry,) = client.blocked().data["rows"]

        assert portal(make_device_team(db).team).unblock(entry["id"]).error == "NOT_FOUND"
        assert client.blocked().data["count"] == 1
