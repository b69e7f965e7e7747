"""The spool: whole after a kill, bounded, and honest about what it gave up."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callfloor_agent.clock import instant
from callfloor_agent.events import CallEvent, Features, StateEvent, decode, new_event_id
from callfloor_agent.recorder import Memory
from callfloor_agent.spool import KEPT_MS, Rejection, Spool, SpoolBroken

T = 1_795_000_000_000
WRITER = """
import sys
from callfloor_agent.events import StateEvent, new_event_id
from callfloor_agent.recorder import Memory
from callfloor_agent.spool import Spool
from pathlib import Path

spool = Spool(Path(sys.argv[1]))
number = 0
while True:
    events = [StateEvent(new_event_id(), "2026-11-22T04:00:00.000Z", "online", str(number)) for _ in range(3)]
    spool.append(events, Memory(seen_at=number), is_stamped=True)
    print(number, flush=True)
    number += 1
"""


def state(at_ms: int = T, reason: str | None = None) -> StateEvent:
    """Return an event to keep."""
    return StateEvent(new_event_id(), instant(at_ms), "online", reason)


def test_what_was_written_is_there_after_a_kill_with_the_memory_that_fits(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        told = [int(writer.stdout.readline()) for _ in range(40)][-1]
        writer.send_signal(signal.SIGKILL)
        told = max([told, *(int(line) for line in writer.stdout if line.endswith("\n"))])

    spool = Spool(path)
    events = [decode(one.content) for one in spool.oldest(10_000)]
    memory = spool.memory()
    spool.close()

    assert memory.seen_at >= told
    assert [event.reason for event in events if isinstance(event, StateEvent)] == [
        str(number) for number in range(memory.seen_at + 1) for _ in range(3)
    ]


def test_what_is_settled_is_gone_and_what_is_rejected_is_set_aside(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.append([state(reason=str(number)) for number in range(5)], Memory(), is_stamped=True)
    sent = spool.oldest(3)

    spool.settle(sent, [Rejection(sent[1], "out_of_range", "at: too old")], now=T)

    counts = spool.counts()
    assert (counts.waiting, counts.delivered, counts.rejected) == (2, 2, 1)
    assert [(code, message) for code, message, _ in spool.rejections()] == [("out_of_range", "at: too old")]
    assert [decode(one.content).reason for one in spool.oldest(9)] == ["3", "4"]  # type: ignore[union-attr]  # states
    spool.close()


def test_what_is_older_than_thirty_days_is_given_up(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.append([state(T - KEPT_MS - 1), state(T - KEPT_MS), state(T)], Memory(), is_stamped=True)

    assert spool.prune(now=T) == 1
    assert (spool.counts().waiting, spool.counts().dropped) == (2, 1)
    spool.close()


def test_the_oldest_are_given_up_when_there_are_too_many(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db", max_events=10)
    spool.append([state(reason=str(number)) for number in range(25)], Memory(), is_stamped=True)

    assert spool.prune(now=T) == 15
    assert decode(spool.oldest(1)[0].content).reason == "15"  # type: ignore[union-attr]  # states
    spool.close()


def test_what_was_recorded_before_the_clock_was_known_is_moved_once(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    call = CallEvent(
        new_event_id(), instant(T), new_event_id(), 1, "x", instant(T - 9000), instant(T), 9, 9, Features()
    )
    spool.append([call], Memory(), is_stamped=False)
    spool.append([state()], Memory(), is_stamped=True)

    spool.stamp(3_600_000)
    spool.stamp(3_600_000)

    moved, stamped = (decode(one.content) for one in spool.oldest(2))
    assert isinstance(moved, CallEvent)
    assert (moved.started_at, moved.ended_at, moved.at) == (
        instant(T + 3_591_000),
        instant(T + 3_600_000),
        instant(T + 3_600_000),
    )
    assert stamped.at == instant(T)
    assert moved.id == call.id
    spool.close()


def test_what_was_recorded_by_a_clock_that_is_right_stays_as_it_is(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.append([state() for _ in range(2_500)], Memory(), is_stamped=False)
    before = spool.oldest(2_500)

    spool.stamp(0)
    spool.stamp(3_600_000)

    assert spool.oldest(2_500) == before
    spool.close()


def test_a_file_that_is_no_database_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"this is no database, " * 1000)

    spool = Spool(path)
    spool.append([state()], Memory(), is_stamped=True)

    assert spool.counts().waiting == 1
    assert (tmp_path / "spool.db.damaged").read_bytes().startswith(b"this is no database")
    spool.close()


def test_a_memory_of_another_version_is_forgotten_and_the_events_kept(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.append([state()], Memory(seen_at=T), is_stamped=True)
    spool.close()
    program = (
        "import apsw, sys; apsw.Connection(sys.argv[1]).execute("
        "\"UPDATE note SET value = cast('{\\\"seen_at\\\": {}}' AS BLOB) WHERE name = 'memory'\")"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "spool.db")], check=True)

    spool = Spool(tmp_path / "spool.db")

    assert spool.memory() == Memory()
    assert spool.counts().waiting == 1
    spool.close()


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()

    with pytest.raises(SpoolBroken, match="cannot be opened"):
        Spool(tmp_path / "folder")
