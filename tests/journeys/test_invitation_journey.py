"""From the invitation to the first sign-in: Portal API, a real mail server, the link, the account, its role.

And many at the same moment: each free seat is given once, each link seats one person.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contracts.portal_client import PortalClient
from tests.support.mail import MailServer
from tests.support.racing import at_once
from tests.support.server import Server, run_command, running_server

PASSWORD = "correct horse battery"
LINK = re.compile(r"https://[^\s\"<]+/invitations/[A-Za-z0-9_-]{43}")


class World:
    """Servers with their workers, a mail server, one email team and its keys."""

    def __init__(
        self, servers: list[Server], mail: MailServer, database: str, settings: dict[str, str], *, seats: int
    ) -> None:
        self.servers = servers
        self.server = servers[0]
        self.mail = mail
        self._where = ("--data", str(self.server.data), "--database", database, "--json")
        self._settings = settings
        team = self.command("team", "create", "Front desk", "--type", "email", "--seats", str(seats))
        self.team_id = str(team["team_id"])
        self.key = self.command("key", "create", "--team", self.team_id, "--kind", "portal", "--name", "ops")

    def command(self, *arguments: str) -> dict[str, Any]:
        """Run a command of the operator's, and return its answer."""
        done = run_command(*arguments, *self._where, settings=self._settings)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def portal(self, http: httpx.Client) -> PortalClient:
        """Return a client of the Portal API."""
        return PortalClient(http, str(self.key["name"]), str(self.key["secret"]))


@contextlib.contextmanager
def running_world(data: Path, database: str, *, servers: int = 1, seats: int = 3) -> Iterator[World]:
    """Run so many servers on one database, the first with a worker, and a mail server."""
    mail = MailServer()
    settings = {
        "CALLFLOOR_SMTP_URL": mail.url,
        "CALLFLOOR_MAIL_FROM": "Callfloor <desk@callfloor.example>",
        "CALLFLOOR_RATE_LIMIT_STORE": "memory" if servers == 1 else "database",
    }
    with contextlib.ExitStack() as stack:
        stack.callback(mail.stop)
        running = [
            stack.enter_context(
                running_server(data, *(["--no-worker"] if number else []), database_url=database, settings=settings)
            )
            for number in range(servers)
        ]
        yield World(running, mail, database, settings, seats=seats)


@pytest.fixture
def world(fresh_database_url: str, tmp_path: Path) -> Iterator[World]:
    with running_world(tmp_path / "data", fresh_database_url) as one:
        yield one


@pytest.fixture
def crowd(fresh_database_url: str, tmp_path: Path) -> Iterator[World]:
    """Ten free seats, behind two servers on PostgreSQL and one on SQLite."""
    servers = 1 if fresh_database_url.startswith("sqlite") else 2
    with running_world(tmp_path / "data", fresh_database_url, servers=servers, seats=10) as one:
        yield one


@pytest.fixture
def clients(crowd: World) -> Iterator[list[httpx.Client]]:
    """A client of each server of the crowd."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(server.client()) for server in crowd.servers]


def sign_in(http: httpx.Client, email: str, password: str = PASSWORD) -> httpx.Response:
    return http.post("/api/v2/session", json={"email": email, "password": password})


def signed_in(http: httpx.Client, email: str) -> dict[str, str]:
    """Return the headers of a session: a plain client keeps no cookie of the prefix `__Host-` by itself."""
    answer = sign_in(http, email)
    assert answer.status_code == 200, answer.text
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return {"Cookie": cookie, "X-CSRF-Token": answer.json()["csrf_token"]}


def test_from_the_invitation_to_the_first_sign_in(world: World) -> None:
    email = "Ada@people.example"
    with world.server.client() as http:
        portal = world.portal(http)
        invited = portal.invite(email)
        token = token_in_mail(world, email)
        check_page(http, token)
        acceptance = f"/api/v2/invitations/{token}/acceptance"
        shown = http.get(acceptance).json()
        body = {"first_name": "Ada", "last_name": "Byron", "password": PASSWORD}
        short = http.post(acceptance, json={**body, "password": "eleven char"})
        accepted = http.post(acceptance, json=body)
        again = [http.post(acceptance, json=body), http.get(acceptance)]
        session = sign_in(http, email)

    assert (shown["team_name"], shown["email"], shown["has_account"]) == ("Front desk", email, False)
    assert (short.status_code, short.json()["errors"][0]["field"]) == (422, "password")
    assert accepted.status_code == 200, accepted.text
    assert accepted.json()["seat_id"] == invited.data["id"]
    assert [(one.status_code, one.json()["code"]) for one in again] == [(410, "invitation_used")] * 2
    assert (session.status_code, session.json()["role"]) == (200, "user")
    # The token is in no line of the log.
    assert not any(token in line for line in world.server.lines)
    paths = {line["path"] for line in world.server.events("request")}
    assert {"/invitations/-", "/api/v2/invitations/-/acceptance"} <= paths


def test_the_role_decides_and_a_change_holds_at_once(world: World) -> None:
    email = "ada@people.example"
    with world.server.client() as http:
        world.command("user", "create", "boss@people.example", "--team", world.team_id, "--role", "admin")
        portal = world.portal(http)
        seat_id = portal.invite(email).data["id"]
        acceptance = f"/api/v2/invitations/{token_in_mail(world, email)}/acceptance"
        account = http.post(acceptance, json={"first_name": "Ada", "password": PASSWORD}).json()
        person = f"/api/v2/people/{account['id']}"
        mine = signed_in(http, email)
        key = world.command("key", "create", "--team", world.team_id, "--kind", "api", "--name", "automation")
        bearer = {"Authorization": f"Bearer {key['token']}"}

        assert http.get("/api/v2/people", headers=mine).status_code == 403
        matching = {**bearer, "If-Match": http.get(person, headers=bearer).headers["etag"]}
        stale = http.put(f"{person}/role", headers={**bearer, "If-Match": '"x"'}, json={"role": "configurator"})
        changed = http.put(f"{person}/role", headers=matching, json={"role": "configurator"})
        listed = http.get("/api/v2/people", params={"q": "ADA@"}, headers=mine)
        risen = http.put(f"{person}/role", headers=mine, json={"role": "admin"})
        row = next(one for one in portal.every_seat() if one["id"] == seat_id)
        unassigned = portal.unassign(seat_id)

        assert (stale.status_code, changed.status_code) == (412, 200)
        assert [one["email"] for one in listed.json()["data"]] == [email]
        assert (risen.status_code, risen.json()["code"]) == (403, "administrator_needed")
        assert (row["status"], row["role"], row["user"]["first_name"]) == ("assigned", "configurator", "Ada")
        assert unassigned.error is None
        # Taken off the seat, the person is out, everywhere at once.
        assert http.get("/api/v2/people", headers=mine).status_code == 401
        assert sign_in(http, email).status_code == 401


def test_of_fifty_invitations_at_once_for_ten_seats_ten_go_out(crowd: World, clients: list[httpx.Client]) -> None:
    portals = [crowd.portal(client) for client in clients]
    emails = [f"person{number}@people.example" for number in range(50)]

    answers = at_once(
        [functools.partial(portals[number % len(portals)].invite, email) for number, email in enumerate(emails)]
    )

    assert Counter(answer.error for answer in answers) == {None: 10, "NOT_EMPTY_SEAT": 40}
    invited = [answer.data for answer in answers if answer.error is None]
    assert len({one["id"] for one in invited}) == 10
    assert [seat["status"] for seat in portals[-1].every_seat()] == ["invited"] * 10
    for one in invited:
        crowd.mail.wait_for_mail(one["email"])
    # One more, whose mail is the last one to be written: nobody else's is on its way.
    portals[0].unassign(invited[0]["id"])
    assert portals[0].invite("last@people.example").error is None
    crowd.mail.wait_for_mail("last@people.example")
    received = Counter(recipient for mail in crowd.mail.mails for recipient in mail.recipients)
    assert received == Counter(["last@people.example", *(one["email"] for one in invited)])


def test_one_link_accepted_twenty_times_at_once_seats_one_person(crowd: World, clients: list[httpx.Client]) -> None:
    email = "ada@people.example"
    portal = crowd.portal(clients[0])
    seat_id = portal.invite(email).data["id"]
    path = f"/api/v2/invitations/{token_in_mail(crowd, email)}/acceptance"

    def accepting(number: int) -> httpx.Response:
        body = {"first_name": f"Ada {number}", "password": PASSWORD}
        return clients[number % len(clients)].post(path, json=body)

    answers = at_once([functools.partial(accepting, number) for number in range(20)])

    codes = Counter((answer.status_code, answer.json().get("code")) for answer in answers)
    assert codes == {(200, None): 1, (410, "invitation_used"): 19}
    seated = [seat for seat in portal.every_seat() if seat["status"] == "assigned"]
    (accepted,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert [(seat["id"], seat["user"]["first_name"]) for seat in seated] == [(seat_id, accepted["first_name"])]
    assert portal.seats(status="unassigned").data["count"] == 9
    assert all(sign_in(client, email).status_code == 200 for client in clients)


def token_in_mail(world: World, email: str) -> str:
    """Wait for the invitation's mail, check its link, and return the token."""
    mail = world.mail.wait_for_mail(email)
    link = LINK.search(mail.body("plain"))
    assert link is not None
    assert link[0] in mail.body("html")
    assert link[0].startswith(f"{world.server.url}/invitations/")
    return link[0].rpartition("/")[2]


def check_page(http: httpx.Client, token: str) -> None:
    """Check what the browser is sent for the link, and what that loads."""
    page = http.get(f"/invitations/{token}")
    policy = page.headers["content-security-policy"]
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "default-src 'none'; script-src 'self'" in policy
    assert "unsafe" not in policy
    for loaded in set(re.findall(r'(?:src|href)="([^"]+)"', page.text)):
        assert http.get(loaded).status_code == 200
    assert http.post(f"/invitations/{token}").status_code == 405
    assert http.get("/invitations/").status_code == 404


def test_the_operator_hands_the_link_over_when_no_mail_goes_out(tmp_path: Path) -> None:
    with running_server(tmp_path / "data") as server, server.client() as http:
        where = ("--data", str(server.data), "--json")
        team = json.loads(run_command("team", "create", "Desk", "--type", "email", "--seats", "1", *where).stdout)
        team_id = str(team["team_id"])
        made = run_command("key", "create", "--team", team_id, "--kind", "portal", "--name", "ops", *where)
        key = json.loads(made.stdout)
        assert PortalClient(http, key["name"], key["secret"]).invite("ada@people.example").error is None
        server.wait_for("job_attempt_failed", lambda line: "CALLFLOOR_SMTP_URL is not set" in str(line["error"]))

        printed = run_command("invitation", "link", "ADA@people.example", "--team", team_id, *where)
        doctor = run_command("doctor", "--data", str(server.data), "--port", "1")

        link = json.loads(printed.stdout)["link"]
        assert http.get(f"/api/v2{link.removeprefix(server.url)}/acceptance").status_code == 200
        assert "CALLFLOOR_SMTP_URL is not set" in doctor.stdout
        nobody = run_command("invitation", "link", "eve@people.example", "--team", team_id, *where)
        assert (nobody.returncode, nobody.stdout) == (1, "")
