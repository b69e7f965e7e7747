"""A person is erased from a real server, and parts of a call: nothing is left in database, files, log or answers."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import psycopg
import pytest
from moto.server import ThreadedMotoServer
from pydantic import SecretStr

from callfloor.foundation.database import metadata
from callfloor.foundation.ids import new_id
from callfloor.foundation.services import open_services
from callfloor.foundation.settings import Settings
from callfloor.migrations.tables import load
from callfloor.teams.tables import TeamType
from tests.conversations_api.waiting import wait_until
from tests.factories.audio import make_wav
from tests.factories.teams import make_api_key, make_conversations_key, make_team
from tests.support.server import Server, run_command, running_server
from tests.webhooks.receiver import Receiver

WORD, NUMBER = "zyxwvut", "777000123499"
"""Parts of everything that is said of the person: whoever is erased leaves neither."""
SAID = [
    {"speaker": "Agent", "start": 0.0, "end": 1.0, "text": "Hello."},
    {
        "speaker": "Dana Stays",
        "start": 1.0,
        "end": 3.0,
        "text": f"It is {WORD}",
        "words": [
            {"text": "It", "start": 1.0, "end": 1.4},
            {"text": "is", "start": 1.5, "end": 1.9},
            {"text": WORD, "start": 2.0, "end": 3.0},
        ],
    },
    {"speaker": "Agent", "start": 3.0, "end": 3.4, "text": f"Is it {NUMBER}?"},
    {"speaker": "Dana Stays", "start": 3.6, "end": 4.0, "text": "Thanks."},
]
SCOPES = ("conversations:read", "conversations:write", "conversations:erase", "webhooks:read", "webhooks:write")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a server keeps what it has."""

    data: Path
    database_url: str
    settings: dict[str, str]
    objects: Callable[[], bytes]

    def kept(self) -> bytes:
        """Return all of it: files with their names, objects, and on PostgreSQL every row."""
        files = b"".join(str(path).encode() + path.read_bytes() for path in self.data.rglob("*") if path.is_file())
        return (files + self.objects() + rows_of(self.database_url)).lower()


def rows_of(url: str) -> bytes:
    """Return every row of a PostgreSQL database as text."""
    if not url.startswith("postgresql"):
        return b""
    load()
    with psycopg.connect(url) as connection:
        tables = [*metadata.tables, "search_text"]
        asked = {table: f"SELECT t::text FROM {table} t" for table in tables}  # noqa: S608  # names of tables
        found = {table: connection.execute(sql.encode()).fetchall() for table, sql in asked.items()}
    return repr(found).encode()


@pytest.fixture
def bucket() -> Iterator[tuple[str, Callable[[], bytes]]]:
    """The address of an S3 bucket as a setting has it, and all that is in it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    s3 = boto3.client(
        "s3", endpoint_url=endpoint, aws_access_key_id="key", aws_secret_access_key="secret", region_name="us-east-1"
    )
    # Servers of one process share what they keep.
    name = f"calls-{new_id()}"
    s3.create_bucket(Bucket=name)

    def objects() -> bytes:
        keys = [one["Key"] for one in s3.list_objects_v2(Bucket=name).get("Contents", ())]
        return b"".join(key.encode() + s3.get_object(Bucket=name, Key=key)["Body"].read() for key in keys)

    yield f"s3://key:secret@{name}/kept?endpoint={endpoint}", objects
    server.stop()


@pytest.fixture
def place(tmp_path: Path, fresh_database_url: str, bucket: tuple[str, Callable[[], bytes]]) -> Place:
    """SQLite with a folder of files, in one place; PostgreSQL with a bucket."""
    allowed = {"CALLFLOOR_OUTGOING_ALLOWED_NETWORKS": "127.0.0.0/8", "CALLFLOOR_OUTGOING_PLAIN_HTTP": "true"}
    data, address, objects = tmp_path / "data", *bucket
    data.mkdir()
    if fresh_database_url.startswith("sqlite"):
        moved = data / "callfloor.db"
        Path(fresh_database_url.removeprefix("sqlite:///")).rename(moved)
        return Place(data, f"sqlite:///{moved}", allowed, bytes)
    return Place(data, fresh_database_url, {**allowed, "CALLFLOOR_FILES_URL": address}, objects)


@dataclasses.dataclass(frozen=True)
class Floor:
    """A running server with one team's clients: of the Callfloor API, and of the Conversations API."""

    server: Server
    place: Place
    team_id: int
    api: httpx.Client
    contract: httpx.Client
    plain: httpx.Client
    """Without a key."""

    def uploaded(self, person: dict[str, Any], **fields: Any) -> str:
        """Upload a call with this person in it."""
        said = [{"speaker": person["name"], "start": 0.0, "end": 2.0, "text": f"I am {person['name']}, truly."}]
        form = {"participants": json.dumps([person]), "transcript": json.dumps(said), **fields}
        recording = ("file", (f"{person['name']}.wav", make_wav() + person["name"].encode(), "audio/wav"))
        answer = self.contract.post("/calls", files=[recording], data=form)
        assert answer.status_code == 202, answer.text
        made: str = answer.json()["id"]
        return made

    def begun(self, person: dict[str, Any], **fields: str) -> str:
        """Begin an upload that names this person, bring its first piece, and return its path."""
        told = {"participants": json.dumps([person]), **fields}
        metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in told.items())
        piece = make_wav() + person["name"].encode()
        headers = {
            "Tus-Resumable": "1.0.0",
            "Upload-Length": str(len(piece) + 1),
            "Upload-Metadata": metadata,
            "Content-Type": "application/offset+octet-stream",
        }
        answer = self.api.post("/uploads", headers=headers, content=piece)
        assert answer.status_code == 201, answer.text
        return answer.headers["location"].partition("/api/v2")[2]

    def erased(self, **whom: str) -> dict[str, Any]:
        """Erase a person, and wait for the receipt."""
        asked = self.api.post("/erasures", json=whom)
        assert asked.status_code == 202, asked.text
        wait_until(lambda: self.api.get(asked.headers["location"][7:]).json()["state"] == "done", self.server)
        receipt: dict[str, Any] = self.api.get(asked.headers["location"][7:]).json()
        return receipt


@pytest.fixture
def floor(place: Place) -> Iterator[Floor]:
    """A server with its worker, and a team."""
    services = open_services(Settings(data=place.data, database=SecretStr(place.database_url)))
    team, hash_key = make_team(services.db, type_=TeamType.EMAIL), services.settings.hash_key
    headers = make_api_key(services.db, team.id, *SCOPES, hash_key=hash_key)
    key = make_conversations_key(services.db, team, hash_key=hash_key)
    services.close_now()
    with contextlib.ExitStack() as life:
        server = life.enter_context(
            running_server(place.data, database_url=place.database_url, settings=place.settings)
        )
        api = life.enter_context(server.client(headers=headers))
        api.base_url = f"{server.url}/api/v2"
        contract = life.enter_context(server.client(headers=key.headers))
        yield Floor(server, place, team.id, api, contract, life.enter_context(server.client()))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A receiver that sends back what it was told, as a debugging endpoint does."""
    one = Receiver()
    one.answers = lambda came: (200, {"X-Echo": "yes"}, came.body)
    yield one
    one.close()


def test_nothing_is_left_of_an_erased_person(floor: Floor, receiver: Receiver) -> None:
    api = floor.api
    hook = api.post("/webhooks", json={"url": receiver.url, "events": ["call_analyzed", "call_edited", "call_erased"]})
    assert hook.status_code == 201, hook.text
    person = {"name": f"{WORD.title()} Qqkjh", "email": f"{WORD}@qqkjh.example"}
    numbers = {"caller": f"+{NUMBER}", "externalCallId": f"{WORD}-1", "name": f"Call of {WORD}"}
    gone = [floor.uploaded(person, **numbers), floor.uploaded({**person, "email": person["email"].upper()})]
    kept = floor.uploaded({"name": "Dana Stays", "email": "dana@stays.example"})
    address = receiver.url.replace("/hook", f"/{WORD}.wav?of={NUMBER}")
    fetched = floor.contract.post("/calls", json={"recordingUrl": address, "participants": [person]})
    gone.append(fetched.json()["id"])
    begun, other = floor.begun(person, **numbers), floor.begun({"name": "Dana Stays"})
    again = {"Idempotency-Key": "once"}
    edits = [
        api.patch(f"/calls/{gone[0]}", json={"outcome": f"{WORD} bought", "crm_reference": {"id": f"{WORD}-9"}}),
        api.post(f"/calls/{gone[0]}/comments", json={"text": f"{WORD} was angry."}, headers=again),
        api.post(f"/calls/{kept}/comments", json={"text": "Dana was kind."}),
    ]
    assert [answer.status_code for answer in edits] == [200, 201, 201]
    receiver.wait_for(6)
    link = api.get(f"/calls/{gone[0]}").json()["recording_url"]
    assert WORD.encode() in floor.plain.get(link).content.lower()
    assert floor.place.kept().count(WORD.encode()) > 20
    assert NUMBER.encode() in floor.place.kept()

    preview = api.post("/erasures", json={"email": person["email"], "dry_run": True})
    receipt = floor.erased(email=f" {person['email'].upper()} ".strip())

    assert sorted(one["conversation_id"] for one in preview.json()["conversations"]) == sorted(gone)
    items = api.get(f"/erasures/{receipt['id']}/conversations").json()["data"]
    assert [(one["conversation_id"], one["state"]) for one in items] == [(one, "erased") for one in sorted(gone)]
    assert receipt["counts"]["conversations_erased"] == 3
    assert receipt["counts"]["recording"] == 2
    assert (preview.json()["unfinished_uploads"], receipt["counts"]["unfinished_uploads"]) == (1, 1)
    assert [api.get(upload).status_code for upload in (begun, other)] == [404, 200]
    told = [json.loads(one.body)["call"]["id"] for one in receiver.wait_for(9) if b"call_erased" in one.body]
    assert sorted(told) == sorted(gone)
    check_nothing_is_left(floor, link)
    check_the_rest_is_there(floor, kept)


def test_nothing_is_left_of_what_was_redacted(floor: Floor, receiver: Receiver) -> None:
    """An endpoint that was told of a comment on the moment has its delivery blanked; what it waits for it is told."""
    api = floor.api
    receiver.answers = lambda came: (500 if b"call_edited" in came.body else 200, {}, b"")
    events = ["call_analyzed", "call_edited", "call_redacted"]
    hook = api.post("/webhooks", json={"url": receiver.url, "events": events})
    assert hook.status_code == 201, hook.text
    deliveries = f"/webhooks/{api.get('/webhooks').json()['data'][0]['id']}/deliveries"
    call = floor.uploaded({"name": "Dana Stays", "email": "dana@stays.example"}, transcript=json.dumps(SAID))
    comment = api.post(f"/calls/{call}/comments", json={"text": f"Said {WORD}.", "start": 2.5})
    assert comment.status_code == 201
    removed = api.post(f"/calls/{call}/comments", json={"text": f"{WORD}, again."}).json()["comments"][1]["id"]
    assert api.delete(f"/calls/{call}/comments/{removed}").status_code == 200
    wait_until(lambda: len(api.get(deliveries).json()["data"]) == 4, floor.server)
    receiver.wait_for(2)
    assert WORD.encode() in floor.place.kept()
    receiver.answers = lambda _: (200, {}, b"")

    asked = api.post(f"/calls/{call}/redactions", json={"intervals": [{"start": 2, "end": 3.5}]})

    assert asked.status_code == 202, asked.text
    assert asked.json()["counts"] == {"segments": 2, "comments": 1, "webhook_deliveries": 4}
    wait_until(lambda: api.get(f"/calls/{call}/redactions").json()["data"][0]["state"] == "done", floor.server)
    told = [json.loads(one.body) for one in receiver.wait_for(4)[2:]]
    assert [one["eventType"] for one in told] == ["call_edited", "call_redacted"]
    assert [one["call"]["comments"][0]["text"] for one in told] == ["[redacted]", "[redacted]"]
    check_nothing_is_left(floor, None)
    shown = api.get(f"/calls/{call}").json()
    assert [segment["text"] for segment in shown["transcript"]] == ["Hello.", "It is", "Thanks."]
    assert floor.plain.get(shown["recording_url"]).status_code == 200


def check_nothing_is_left(floor: Floor, link: str | None) -> None:
    """Look for the words in everything that is kept, logged and answered."""
    kept = floor.place.kept()
    for needle in (WORD.encode(), NUMBER.encode(), b"qqkjh"):
        at = kept.find(needle)
        assert at == -1, kept[max(at - 300, 0) : at + 100]
    assert WORD not in "".join(floor.server.lines).lower()
    assert link is None or floor.plain.get(link).status_code == 410
    assert floor.api.get("/search", params={"q": WORD}).json()["data"] == []
    endpoint = floor.api.get("/webhooks").json()["data"][0]["id"]
    deliveries = floor.api.get(f"/webhooks/{endpoint}/deliveries").json()["data"]
    shown = [floor.api.get(f"/webhook-deliveries/{one['id']}") for one in deliveries]
    assert {answer.status_code for answer in shown} == {200}
    assert WORD not in "".join(answer.text for answer in shown).lower()


def check_the_rest_is_there(floor: Floor, kept: str) -> None:
    """What is not about the person is as it was, and the audit trail still proves itself."""
    shown = floor.api.get(f"/calls/{kept}").json()
    assert shown["comments"][0]["text"] == "Dana was kind."
    assert [one["id"] for one in floor.api.get("/calls").json()["data"]] == [kept]
    assert floor.contract.get("/calls").json()["meta"]["total"] == 1
    assert floor.plain.get(shown["recording_url"]).status_code == 200
    assert [one["id"] for one in floor.api.get("/search", params={"q": "dana"}).json()["data"]] == [kept]
    proof = run_command("audit", "verify", "--json", "--data", str(floor.place.data), settings=database(floor.place))
    assert json.loads(proof.stdout)["intact"] is True


def database(place: Place) -> dict[str, str]:
    """Return the setting that names the database."""
    return {"CALLFLOOR_DATABASE": place.database_url}
