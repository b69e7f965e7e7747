"""A client of the Conversations API written from its contract, and the truth of what it must meet."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random
from typing import Any

import httpx

from callfloor.access.audit import OPERATOR
from callfloor.conversations.arrival import Arrival, receive_conversation
from callfloor.conversations.parties import Party
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations.transcripts import Segment
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR, MINUTE, Millis, iso
from callfloor.foundation.database import Database, Tx
from callfloor.foundation.ids import new_id
from tests.support.background import Background

FIRST: Millis = 1_700_000_000_000 // DAY * DAY
DAYS = 30
OVERLAP: Millis = MINUTE
"""How far back who asks for what changed since asks again: a change is stamped a moment before it is there."""
DOMAINS = ("acme.example", "borg.example", "cyan.example")
WORDS = ("refund", "invoice", "delivery", "password")
SIZES = (1, 7, 20, 99, 100)
_SEEDED_AT_ONCE = 200
_NEXT = re.compile(r'<([^>]*)>; rel="next"')

Record = dict[str, Any]
Query = dict[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Talk:
    """What is known of a conversation from its making."""

    id: str
    kind: str
    """`calls` or `meetings`."""
    date: Millis
    domain: str | None
    """The customer's; None of an internal one."""
    word: str
    """Said in it."""

    @property
    def scope(self) -> str:
        """Return on which side of the house it was."""
        return "internal" if self.domain is None else "external"


@dataclasses.dataclass(frozen=True, slots=True)
class Filter:
    """A query, and which conversations it is to bring."""

    query: Query
    brings: Callable[[Talk], bool]


def filters(some: Sequence[Talk]) -> list[Filter]:
    """Return every filter of the contract, alone and with others; `some` are asked for by their ids."""
    day, ids = FIRST + 10 * DAY, [talk.id for talk in some]
    noon = day + 12 * HOUR
    both = {"scopes": "internal,external"}
    bare = {"startDate": iso(day)[:10], "endDate": iso(day + 2 * DAY)[:10]}
    return [
        Filter({}, lambda t: t.scope == "external"),
        Filter({"scopes": "internal"}, lambda t: t.scope == "internal"),
        Filter(both, lambda _: True),
        Filter({**both, **bare}, lambda t: day <= t.date < day + 3 * DAY),
        Filter({**both, "startDate": iso(noon)}, lambda t: t.date >= noon),
        Filter({**both, "endDate": iso(noon)}, lambda t: t.date <= noon),
        Filter({"customerDomain": DOMAINS[0].upper()}, lambda t: t.domain == DOMAINS[0]),
        Filter({"customerDomain": list(DOMAINS[1:])}, lambda t: t.domain in DOMAINS[1:]),
        Filter(
            {"customerDomain": DOMAINS[2], **bare}, lambda t: t.domain == DOMAINS[2] and day <= t.date < day + 3 * DAY
        ),
        Filter({**both, "id": ids}, lambda t: t.id in ids),
        Filter({"q": WORDS[0]}, lambda t: t.scope == "external" and t.word == WORDS[0]),
        Filter({**both, "updatedSince": iso(FIRST)}, lambda _: True),
        Filter({**both, "q": WORDS[1], "startDate": iso(noon)}, lambda t: t.word == WORDS[1] and t.date >= noon),
    ]


def seed(db: Database, team_id: int, *, calls: int, meetings: int, random: Random) -> list[Talk]:
    """Make conversations on all days, some at the very same moment as others, by the product's own verb."""
    kinds = [ConversationKind.CALL] * calls + [ConversationKind.MEETING] * meetings
    made = [_arrival(team_id, kind, random) for kind in kinds]
    random.shuffle(made)
    for begin in range(0, len(made), _SEEDED_AT_ONCE):
        batch = [arrival for arrival, _ in made[begin : begin + _SEEDED_AT_ONCE]]
        db.write_now(functools.partial(_receive, batch=batch))
    return [talk for _, talk in made]


def _receive(tx: Tx, batch: Iterable[Arrival]) -> None:
    for arrival in batch:
        receive_conversation(tx, arrival)


def _arrival(team_id: int, kind: ConversationKind, random: Random) -> tuple[Arrival, Talk]:
    talk = new_talk(f"{kind.value}s", random)
    party = Party("Ben", "ben@ours.example", is_internal=True)
    parties = (party, Party("Cleo", f"cleo@{talk.domain}", is_internal=False)) if talk.domain else (party,)
    arrival = Arrival(
        team_id=team_id,
        kind=kind,
        conversation_id=talk.id,
        now=clock.now() - HOUR,
        actor=OPERATOR,
        date=talk.date,
        name="A talk",
        content_sha256=talk.id,
        parties=parties,
        transcript=(Segment("Cleo", 0, 1500, f"About my {talk.word}."),),
    )
    return arrival, talk


def new_talk(kind: str, random: Random) -> Talk:
    """Return a conversation that is not there yet; dates are whole quarters of an hour, so that many are alike."""
    date = FIRST + random.randrange(DAYS * 96) * 15 * MINUTE
    return Talk(new_id(), kind, date, random.choice((*DOMAINS, *DOMAINS, None)), random.choice(WORDS))


class ContractClient:
    """Reads lists and copies them, as the contract has it.

    Args:
        http: of the server, with the headers `api-key` and `client-id`.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.requests = 0

    def walked(self, kind: str, query: Query, size: int) -> Iterator[Record]:
        """Yield the list by following `Link`."""
        params: Query | None = {**query, "pageSize": size}
        address = f"/{kind}"
        while True:
            answer = self._get(address, params)
            yield from answer.json()["data"]
            following = _NEXT.fullmatch(answer.headers.get("link", ""))
            if following is None:
                return
            address, params = following[1], None

    def paged(self, kind: str, query: Query, size: int) -> Iterator[Record]:
        """Yield the list by its pages' numbers; `meta` must tell the truth of each."""
        for page in itertools.count():
            body = self._get(f"/{kind}", {**query, "pageSize": size, "page": page}).json()
            rows, meta = body["data"], body["meta"]
            yield from rows
            assert list(meta) == ["total", "returned", "page", "pageSize"]
            assert (meta["returned"], meta["page"], meta["pageSize"]) == (len(rows), page, size)
            assert len(rows) == max(0, min(size, meta["total"] - page * size))
            if len(rows) < size:
                return

    def by_ids(self, kind: str, ids: Sequence[str]) -> Iterator[Record]:
        """Yield these records."""
        for begin in range(0, len(ids), 100):
            query = {"id": ids[begin : begin + 100], "scopes": "internal,external", "pageSize": 100}
            yield from self._get(f"/{kind}", query).json()["data"]

    def _get(self, address: str, params: Query | None) -> httpx.Response:
        self.requests += 1
        answer = self.http.get(address, params=params)
        assert answer.status_code == 200, answer.text
        return answer


def check(
    records: Sequence[Record], wanted: Filter, known: Sequence[Talk], later: set[str], *, ascending: bool
) -> None:
    """Assert that a walk lost and repeated none.

    Args:
        records: what it brought.
        wanted: what was asked for.
        known: what was there when it began.
        later: ids of what came since: it may have met them or not.
        ascending: the order that was asked for.
    """
    ids = [record["id"] for record in records]
    expected = {talk.id for talk in known if wanted.brings(talk)}
    assert len(ids) == len(set(ids)), f"repeated by {wanted.query}"
    assert expected - set(ids) == set(), f"lost by {wanted.query}"
    assert set(ids) - expected - later == set(), f"not asked for by {wanted.query}"
    places = [(record["date"], record["id"]) for record in records]
    assert places == sorted(places, reverse=not ascending), f"out of order by {wanted.query}"


class Inflow(Background):
    """Calls that come in, and calls that people change, in the background until it is stopped.

    Args:
        uploads: of the server, with the headers of a key of the Conversations API.
        edits: of the server, with a key of the Callfloor API.
        known: calls that are there, of which some are changed.
    """

    def __init__(self, uploads: httpx.Client, edits: httpx.Client, known: Sequence[Talk], random: Random) -> None:
        super().__init__(pause_seconds=0.02)
        self.talks: list[Talk] = []
        self.changes = 0
        self._uploads = uploads
        self._edits = edits
        self._known = [talk for talk in known if talk.kind == "calls"]
        self._random = random

    def step(self) -> None:
        """Bring a call, and change one."""
        self._bring(new_talk("calls", self._random))
        self._change(self._random.choice(self._known))

    def _bring(self, talk: Talk) -> None:
        parties: list[Record] = [{"name": "Ben", "email": "ben@ours.example", "isInternal": True}]
        if talk.domain is not None:
            parties.append({"name": "Cleo", "email": f"cleo@{talk.domain}", "isInternal": False})
        said = [{"speaker": "Cleo", "start": 0, "end": 1.5, "text": f"About my {talk.word}."}]
        body = {"date": iso(talk.date), "externalCallId": talk.id, "participants": parties, "transcript": said}
        answer = self._uploads.post("/calls", json=body)
        assert answer.status_code == 202, answer.text
        self.talks.append(dataclasses.replace(talk, id=answer.json()["id"]))

    def _change(self, talk: Talk) -> None:
        self.changes += 1
        answer = self._edits.patch(f"/api/v2/calls/{talk.id}", json={"outcome": f"change {self.changes}"})
        assert answer.status_code == 200, answer.text


class SinceCopy:
    """A copy of all calls that is kept equal by `updatedSince`."""

    def __init__(self, client: ContractClient) -> None:
        self.records: dict[str, Record] = {}
        self._client = client
        self._since: Millis | None = None

    def follow(self) -> None:
        """Take over what changed since the round before."""
        began = clock.now()
        query: Query = {"scopes": "internal,external", "sortingOrder": "ascending"}
        if self._since is not None:
            query["updatedSince"] = iso(self._since)
        found = list(self._client.walked("calls", query, 100))
        ids = [record["id"] for record in found]
        assert len(ids) == len(set(ids)), "repeated by updatedSince"
        self.records.update({record["id"]: record for record in found})
        self._since = began - OVERLAP


class FeedCopy:
    """A copy of all calls that is kept equal by the feed of changes.

    Args:
        client: reads what changed.
        feed: of the server, with a key of the Callfloor API.
    """

    def __init__(self, client: ContractClient, feed: httpx.Client) -> None:
        self.records: dict[str, Record] = {}
        self.told = 0
        self._client = client
        self._feed = feed
        self._after: str | None = None

    def follow(self, *, wait_seconds: int = 0) -> bool:
        """Take over the next page of changes; return whether there was any. Told nothing, it is as it was."""
        query: Query = {"limit": 1000, "wait": wait_seconds}
        if self._after is not None:
            query["after"] = self._after
        answer = self._feed.get("/api/v2/changes", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids = list(dict.fromkeys(one["conversation_id"] for one in page["data"] if one["kind"] == "call"))
        found = {record["id"]: record for record in self._client.by_ids("calls", ids)}
        self.records = {key: record for key, record in self.records.items() if key not in ids} | found
        self.told += len(page["data"])
        self._after = page["next"]
        return bool(page["data"])
