"""The same events in any order, split in any way, some sent again and again, end in the same rows."""

from __future__ import annotations

import functools
import json
import random
import uuid
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from callfloor.access.secrets import keyed_hash
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY, HOUR, MINUTE, SECOND
from callfloor.foundation.database import Database
from callfloor.ingest.batches import parcel_of
from callfloor.ingest.recording import Counted, Group, record_batch
from tests.factories.devices import HASH_KEY, make_device_team
from tests.factories.events import Agent, Event, make_agent
from tests.ingest.looking import Seen, seen_of

NOW = clock.now() // DAY * DAY + 12 * HOUR
DEVICES = 2
CALLS = [str(uuid.UUID(int=number)) for number in range(3)]
LANGUAGES = ("en-US", "de-DE", None)

ago = st.integers(0, 40).map(lambda steps: steps * 7 * MINUTE)
states = st.fixed_dictionaries(
    {
        "kind": st.just("state"),
        "ago": ago,
        "state": st.sampled_from(("online", "in_call", "offline", "unhealthy", "unavailable")),
        "reason": st.sampled_from((None, "why")),
    }
)
calls = st.fixed_dictionaries(
    {
        "kind": st.just("call"),
        "ago": ago,
        "call_id": st.sampled_from(CALLS),
        "revision": st.integers(1, 4),
        "started_ago": st.integers(0, 60).map(lambda hours: hours * HOUR),
        "seconds": st.integers(0, 3_600),
        "language": st.sampled_from(LANGUAGES),
    }
)
heartbeats = st.fixed_dictionaries({"kind": st.just("heartbeat"), "ago": ago})
histories = st.lists(st.tuples(st.integers(0, DEVICES - 1), st.one_of(states, calls, heartbeats)), max_size=14)


def event_of(drawn: dict[str, Any], number: int) -> Event:
    """Return a drawn event as it is sent; of one call's revisions each has its own content, as agents keep it."""
    plain = {"kind": drawn["kind"], "id": str(uuid.UUID(int=number + 1)), "at": clock.iso(NOW - drawn["ago"])}
    if drawn["kind"] == "state":
        return {**plain, "state": drawn["state"], "reason": drawn["reason"]}
    if drawn["kind"] == "heartbeat":
        return plain
    begin, seconds = NOW - drawn["started_ago"], drawn["seconds"]
    return {
        **plain,
        "call_id": drawn["call_id"],
        "revision": drawn["revision"] * 100 + number,  # no two revisions of a call are equal
        "app_name": "Softphone",
        "language": drawn["language"],
        "started_at": clock.iso(begin),
        "ended_at": clock.iso(begin + seconds * SECOND),
        "mic_seconds": seconds,
        "speaker_seconds": seconds // 2,
        "features": {"transcription": seconds // 3},
    }


def told(db: Database, groups: list[list[tuple[int, list[Event]]]]) -> Seen:
    """Let a new team's devices report, transaction by transaction; return what it ends in, told by device."""
    team = make_device_team(db, seats=DEVICES)
    for number in range(DEVICES):
        make_agent(db, team, number, now=NOW - 10 * HOUR)
    # Here all along: when a device was away, and came back, is a matter of when it was heard of.
    agents = [make_agent(db, team, number, now=NOW) for number in range(DEVICES)]
    for group in groups:
        parcels = [parcel_of(_body(events), _hash(agents[device]), now=NOW) for device, events in group]
        outcomes = db.write_now(functools.partial(record_batch, group=Group(parcels, 30, NOW)))
        assert all(isinstance(one, Counted) for one in outcomes)
    return _relative(seen_of(db, team.id), agents)


@settings(
    max_examples=25,
    deadline=None,
    # Not shrunk: every example is two teams in a database.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories, seed=st.integers(0, 2**32))
def test_any_order_and_any_split_end_in_the_same(db: Database, history: Any, seed: int) -> None:
    sent = [(device, event_of(drawn, number)) for number, (device, drawn) in enumerate(history)]
    in_order = sorted(sent, key=lambda one: (one[1]["at"], one[1]["id"]))
    dice = random.Random(seed)  # noqa: S311  # shuffles
    shuffled = sent + [one for one in sent if dice.random() < 0.4]
    dice.shuffle(shuffled)

    assert told(db, _split(shuffled, dice)) == told(db, [[(device, [event])] for device, event in in_order])


def _split(sent: list[tuple[int, Event]], dice: random.Random) -> list[list[tuple[int, list[Event]]]]:
    groups: list[list[tuple[int, list[Event]]]] = []
    for device, event in sent:
        if not groups or dice.random() < 0.4:
            groups.append([])
        if groups[-1] and groups[-1][-1][0] == device and dice.random() < 0.5:
            groups[-1][-1][1].append(event)
        else:
            groups[-1].append((device, [event]))
    return groups


def _body(events: list[Event]) -> bytes:
    return json.dumps({"events": events}).encode()


def _hash(agent: Agent) -> bytes:
    return keyed_hash(agent.token, key=HASH_KEY)


def _relative(seen: Seen, agents: list[Agent]) -> Seen:
    """Return the rows with the devices' places in place of their ids, which another team's devices do not share."""
    places = {agent.device_id: place for place, agent in enumerate(agents)}
    keys = {key: f"device {place}" for (_, key, *_), place in _keys(seen, places)}

    def named(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return sorted(((places.get(row[0], row[0]), *row[1:]) for row in rows), key=repr)

    days = [(kind, day, keys.get(group, group), *sums) for kind, day, group, *sums in seen.days]
    return Seen(
        named(seen.events),
        named(seen.calls),
        sorted(days, key=repr),
        seen.unfolded,
        named(seen.transitions),
        named(seen.states),
    )


def _keys(seen: Seen, places: dict[int, int]) -> list[tuple[tuple[str, str], int]]:
    groups = {group for kind, _, group, *_ in seen.days if kind == "device"}
    return [(("device", group), places[int(group[1:])]) for group in groups]
