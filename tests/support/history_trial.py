"""One server, one team, and every walk over its conversations: in quiet, and while calls come in."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx

from callfloor.foundation.database import Database, open_database
from tests.factories.teams import make_api_key, make_conversations_key, make_team
from tests.support.history_walk import (
    SIZES,
    ContractClient,
    FeedCopy,
    Inflow,
    Record,
    SinceCopy,
    Talk,
    check,
    filters,
    seed,
)
from tests.support.server import running_server

KINDS = ("calls", "meetings")
FEW = 100
"""Pages of a few records are walked only where a filter brings few."""
ORDERS = ("ascending", "descending")
UNLIMITED = {
    "CALLFLOOR_CONVERSATIONS_LIMIT_REQUESTS": "1000000",
    "CALLFLOOR_API_LIMIT_REQUESTS": "1000000",
    "CALLFLOOR_SPEECH_MODEL": "none",
}


@dataclasses.dataclass(frozen=True)
class Floor:
    """A team's clients of a running server, and what was there from the beginning."""

    client: ContractClient
    api: httpx.Client
    talks: list[Talk]
    random: Random

    def known(self, kind: str) -> list[Talk]:
        """Return those of one kind."""
        return [talk for talk in self.talks if talk.kind == kind]


@contextlib.contextmanager
def floor_with(data: Path, database_url: str | None, *, calls: int, meetings: int, random: Random) -> Iterator[Floor]:
    """Run a server with a worker, and a team with so many conversations."""
    with running_server(data, database_url=database_url, settings=UNLIMITED) as server:
        db = open_database(database_url or f"sqlite:///{data / 'callfloor.db'}")
        try:
            team = make_team(db)
            hash_key = (data / "secret.key").read_bytes().strip()
            key = make_conversations_key(db, team, hash_key=hash_key)
            api_key = make_api_key(db, team.id, "conversations:read", "conversations:write", hash_key=hash_key)
            talks = seed(db, team.id, calls=calls, meetings=meetings, random=random)
            with server.client(headers=key.headers) as http, server.client(headers=api_key) as api:
                yield Floor(ContractClient(http), api, talks, random)
        finally:
            close(db)


def close(db: Database) -> None:
    """Close the database that the operator's side has open."""
    db.close_now()


def walk_in_quiet(floor: Floor, *, thoroughly: bool) -> int:
    """Walk every filter by page numbers and by cursor; return how many records came.

    Args:
        floor: where.
        thoroughly: each with every size of a page in both orders, not with one after the other.
    """
    met, turn = 0, itertools.count()
    for kind in KINDS:
        known = floor.known(kind)
        for one in filters(floor.random.sample(known, 5)):
            expected = sum(map(one.brings, known))
            assert expected, f"{one.query} brings nothing: it shows nothing"
            ways = list(itertools.product(SIZES if expected < FEW else SIZES[2:], ORDERS))
            for size, order in ways if thoroughly else [ways[next(turn) % len(ways)]]:
                query = {**one.query, "sortingOrder": order}
                walks = [list(floor.client.walked(kind, query, size)), list(floor.client.paged(kind, query, size))]
                for records in walks:
                    check(records, one, known, set(), ascending=order == "ascending")
                    met += len(records)
    return met


def walk_during_inflow(floor: Floor, inflow: Inflow, *, rounds: int) -> int:
    """Walk every filter by cursor while calls come in at every date; return how many records came."""
    met = 0
    seeds = floor.known("calls")
    for number in range(rounds):
        for at, one in enumerate(filters(floor.random.sample(seeds, 5)), start=number):
            order, size = ORDERS[at % 2], SIZES[2 + at % (len(SIZES) - 2)]
            known = [*seeds, *inflow.talks]
            records = list(floor.client.walked("calls", {**one.query, "sortingOrder": order}, size))
            # One whose answer is still under way may be met, and its id is not told yet.
            check(records, one, known, newcomers(records, known), ascending=order == "ascending")
            met += len(records)
    return met


def newcomers(records: list[Record], known: list[Talk]) -> set[str]:
    """Return the ids of records that were not there when the walk began: those that the inflow has brought since."""
    there = {talk.id for talk in known}
    return {record["id"] for record in records if record["id"] not in there and record["externalCallId"]}


def copies_during_inflow(floor: Floor, *, rounds: int) -> tuple[SinceCopy, FeedCopy, Inflow]:
    """Keep copies by `updatedSince` and by the feed while calls come in and change, and walk beside it.

    Returns:
        both copies, after their last rounds, and the inflow, which has ended.
    """
    since, feed = SinceCopy(floor.client), FeedCopy(floor.client, floor.api)
    uploads, edits = floor.client.http, floor.api
    with Inflow(uploads, edits, floor.talks, floor.random) as inflow:
        for _ in range(rounds):
            since.follow()
            feed.follow()
            walk_during_inflow(floor, inflow, rounds=1)
            feed.follow()
    since.follow()
    # The sequencer numbers behind the commit: the end has come when a while passes without a change.
    while feed.follow(wait_seconds=2):
        pass
    return since, feed, inflow


def truth_of(floor: Floor) -> dict[str, Record]:
    """Return all calls as the list has them."""
    both = {"scopes": "internal,external"}
    return {record["id"]: record for record in floor.client.walked("calls", both, 100)}
