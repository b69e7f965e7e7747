"""Every route of all three APIs × everybody who might call it: past the guard, or refused as the contract says."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import json
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreateKey, DeleteKey, create_key, delete_key
from callfloor.access.scopes import Scope
from callfloor.access.secrets import keyed_hash
from callfloor.access.sessions import begin_session, csrf_token
from callfloor.access.tables import KeyKind, Role
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id, new_secret
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.portal_api.app import routes as portal_routes
from callfloor.server.api_v2 import routed
from callfloor.server.routes import url_map
from callfloor.server.web import Dispatcher
from callfloor.teams.teams import Team
from tests.contracts.permissions import CALLFLOOR_API, EVERYBODY
from tests.contracts.portal_client import basic
from tests.factories.devices import HASH_KEY, log_in, machine, make_device_team
from tests.factories.teams import make_person, make_team
from tests.portal_api.in_process import LoopTransport

PARTS = {"domain": "none.example", "period": "2026-01", "token": "none", "callId": "none", "meetingId": "none"}
"""What stands for a part of a path; ids are of nothing that is there."""
OF_DEVICES = {"log_out_device", "send_events"}
NOT_PAST = {"not_signed_in", "forbidden", "csrf_token_invalid", "token_invalid"}
"""Codes of the guards' refusals; a domain's own refusals have others."""


@dataclasses.dataclass(frozen=True)
class Caller:
    """A way to sign in, in the words of each API."""

    portal: dict[str, str]
    conversations: dict[str, str]
    callfloor: dict[str, str]


@pytest.fixture(scope="module")
def http(db: Database, runner: asyncio.Runner, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Everything a server answers."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), secret_key=SecretStr(HASH_KEY.decode()))
    services = Services(settings, db, open_files(settings))
    app = Dispatcher(url_map(services))
    services.stopping.announce()  # live streams, which have no end of their own, end at once
    with httpx.Client(transport=LoopTransport(app, runner), base_url="https://callfloor.example") as client:
        yield client


class Callers:
    """Makes callers, each anew, since some calls end what they were made with."""

    def __init__(self, db: Database, team: Team) -> None:
        self._db = db
        self._team = team

    def of(self, name: str) -> Caller:
        """Return a caller of this kind."""
        if name == "nobody":
            return Caller({}, {}, {})
        if name == "stranger":
            return self._person(make_team(self._db, seats=1), Role.ADMIN)
        if name in set(Role):
            return self._person(self._team, Role(name))
        if name == "device":
            token = new_secret()
            log_in(self._db, make_device_team(self._db, seats=1), machine(new_id()), token=token)
            return self._bearing(token)
        return self._keyed(name)

    def _keyed(self, name: str) -> Caller:
        now = clock.now()
        if name == "expired key":
            return self._each(lambda kind: self._key(kind, now=now - DAY, expires_at=now - 1)[0])
        if name == "deleted key":
            return self._each(self._deleted)
        if name.startswith("api key"):
            scopes = () if name.endswith("without scopes") else tuple(scope.value for scope in Scope)
            return self._key(KeyKind.API, scopes=scopes)[0]
        return self._key(KeyKind(name.removesuffix(" key")))[0]

    def _each(self, key_of: Callable[[KeyKind], Caller]) -> Caller:
        """Return a caller who has a key of the right kind for each API."""
        portal, conversations, callfloor = (key_of(kind) for kind in KeyKind)
        return Caller(portal.portal, conversations.conversations, callfloor.callfloor)

    def _deleted(self, kind: KeyKind) -> Caller:
        caller, key_id = self._key(kind)
        gone = DeleteKey(self._team.id, key_id, OPERATOR, clock.now())
        self._db.write_now(functools.partial(delete_key, command=gone))
        return caller

    def _key(
        self,
        kind: KeyKind,
        *,
        scopes: tuple[str, ...] | None = None,
        now: int | None = None,
        expires_at: int | None = None,
    ) -> tuple[Caller, int]:
        secret, name = new_secret(), new_id()
        hashed = keyed_hash(secret, key=HASH_KEY)
        scopes = scopes if scopes is not None or kind is not KeyKind.API else tuple(scope.value for scope in Scope)
        command = CreateKey(
            self._team.id, kind, name, hashed, OPERATOR, now or clock.now(), scopes=scopes, expires_at=expires_at
        )
        made = self._db.write_now(functools.partial(create_key, command=command))
        conversations = {"api-key": secret, "client-id": self._team.client_id}
        portal = {"authorization": basic(name, secret)}
        return Caller(portal, conversations, {"authorization": f"Bearer {secret}"}), made.id

    def _person(self, team: Team, role: Role) -> Caller:
        account_id = make_person(self._db, team, role=role).account_id
        token = new_secret()
        begin = functools.partial(
            begin_session,
            account_id=account_id,
            team_id=team.id,
            token_hash=keyed_hash(token, key=HASH_KEY),
            now=clock.now(),
        )
        self._db.write_now(begin)
        headers = {"cookie": f"__Host-callfloor={token}", "x-csrf-token": csrf_token(token, hash_key=HASH_KEY)}
        return Caller(headers, headers, headers)

    def _bearing(self, token: str) -> Caller:
        conversations = {"api-key": token, "client-id": self._team.client_id}
        return Caller({"authorization": basic("device", token)}, conversations, {"authorization": f"Bearer {token}"})


@pytest.fixture
def caller(db: Database) -> Callable[[str], Caller]:
    """Make a caller."""
    team = make_team(db, seats=500)
    return lambda name: Callers(db, team).of(name)


def filled(path: str) -> str:
    """Return the path with something in place of its parts."""
    return re.sub(r"\{(\w+)\}", lambda part: PARTS.get(part[1], "999999999"), path)


def operations() -> dict[str, tuple[str, str]]:
    """Return method and path of every operation of the Callfloor API."""
    paths = routed().openapi()["paths"]
    return {one["operationId"]: (method, path) for path, methods in paths.items() for method, one in methods.items()}


def code_of(answer: httpx.Response, method: str) -> str | None:
    """Return the code of a refusal; an answer to HEAD has no body that could tell it."""
    if method == "head":
        return {401: "not_signed_in", 403: "forbidden"}.get(answer.status_code)
    code: str | None = answer.json().get("code") if answer.status_code >= 400 else None
    return code


def conversations_routes(http: httpx.Client) -> list[tuple[str, str]]:
    """Return method and path of every route of the Conversations API."""
    document = json.loads(http.get("/swagger-json").content)
    return [(method, path) for path, methods in document["paths"].items() for method in methods if method != "head"]


def test_every_route_stands_in_the_table() -> None:
    assert set(operations()) == set(CALLFLOOR_API)


@pytest.mark.parametrize("name", EVERYBODY)
def test_callfloor_api(http: httpx.Client, caller: Callable[[str], Caller], name: str) -> None:
    wrong = {}
    for operation, (method, path) in operations().items():
        body: dict[str, str] | None = None if method in {"get", "delete"} else {}

        answer = http.request(method.upper(), filled(path), headers=caller(name).callfloor, json=body)

        is_past = code_of(answer, method) not in NOT_PAST
        assert is_past or answer.status_code in {401, 403}, (operation, answer.text)
        if is_past != (name in CALLFLOOR_API.get(operation, ())):
            wrong[operation] = answer.text

    assert wrong == {}


@pytest.mark.parametrize("name", EVERYBODY)
def test_portal_api(http: httpx.Client, caller: Callable[[str], Caller], name: str) -> None:
    for method, path in portal_routes():
        headers = caller(name).portal

        answer = http.request(method, filled(path), headers=headers, json={}).json()

        assert (answer["code"] != 1) == (name == "portal key"), (method, path, answer)


@pytest.mark.parametrize("name", EVERYBODY)
def test_conversations_api(http: httpx.Client, caller: Callable[[str], Caller], name: str) -> None:
    for method, path in conversations_routes(http):
        answer = http.request(method.upper(), filled(path), headers=caller(name).conversations)

        assert (answer.status_code != 403) == (name == "conversations key"), (method, path, answer.text)


def test_a_change_by_session_needs_the_csrf_token(http: httpx.Client, caller: Callable[[str], Caller]) -> None:
    cookie = {"cookie": caller("admin").callfloor["cookie"]}
    for operation, (method, path) in operations().items():
        if CALLFLOOR_API[operation] is EVERYBODY or operation in OF_DEVICES:
            continue
        answer = http.request(method.upper(), filled(path), headers=cookie)
        code = code_of(answer, method)
        assert (code == "csrf_token_invalid") == (method not in {"get", "head"}), (operation, answer.text)
