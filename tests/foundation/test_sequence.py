"""Numbers follow the order in which rows became visible, from one sequencer at a time."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.outbox import OUTBOX, Event, events_after, publish
from callfloor.foundation.sequence import Sequencer, number_batch, number_waiting, prepare

DEADLINE_SECONDS = 30.0


@pytest.fixture
def alone(fresh_database_url: str) -> Iterator[Database]:
    """A database of the test alone."""
    db = open_database(fresh_database_url, strict_reads=True)
    db.write_now(partial(prepare, what=OUTBOX))
    yield db
    db.close_now()


def told(db: Database) -> list[tuple[int, str]]:
    return [(each.seq, each.event.subject) for each in db.read_now(partial(events_after, seq=0, count=10_000))]


def publish_one(subject: str, tx: Tx) -> None:
    publish(tx, Event(kind="call.received", team_id=1, subject=subject, payload={}, at=0))


class TestNumberWaiting:
    def test_numbers_without_a_gap_over_batches(self, alone: Database) -> None:
        for n in range(7):
            alone.write_now(partial(publish_one, str(n)))
        counts = [alone.write_now(partial(number_batch, what=OUTBOX, count=3)) for _ in range(4)]

        assert counts == [3, 3, 1, 0]
        assert told(alone) == [(n + 1, str(n)) for n in range(7)]

    def test_gives_a_late_commit_the_later_number(self, fresh_database_url: str, alone: Database) -> None:
        inserted, may_commit = threading.Event(), threading.Event()

        def slow(tx: Tx) -> None:
            publish_one("first to insert", tx)
            inserted.set()
            assert may_commit.wait(DEADLINE_SECONDS)

        other = open_database(fresh_database_url)
        thread = threading.Thread(target=other.write_now, args=(slow,))
        thread.start()
        assert inserted.wait(DEADLINE_SECONDS)
        if alone.name == "sqlite":
            # One writer at a time: nothing can come between.
            may_commit.set()
            thread.join()
        alone.write_now(partial(publish_one, "second to insert"))
        number_waiting(alone, OUTBOX)
        seen = told(alone)
        may_commit.set()
        thread.join()
        other.close_now()

        number_waiting(alone, OUTBOX)

        assert told(alone)[: len(seen)] == seen
        assert {subject for _, subject in told(alone)} == {"first to insert", "second to insert"}
        assert [seq for seq, _ in told(alone)] == [1, 2]

    def test_is_done_by_one_at_a_time(self, alone: Database) -> None:
        for n in range(200):
            alone.write_now(partial(publish_one, str(n)))

        def number() -> None:
            while number_batch_now(alone):
                pass

        threads = [threading.Thread(target=number) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        number_waiting(alone, OUTBOX)

        assert [seq for seq, _ in told(alone)] == list(range(1, 201))


def number_batch_now(db: Database) -> int:
    return db.write_now(partial(number_batch, what=OUTBOX, count=7))


class TestSequencer:
    def test_numbers_what_is_published_until_it_is_stopped(self, alone: Database) -> None:
        sequencer = Sequencer(alone, [OUTBOX], poll_seconds=0.02)
        sequencer.start()
        for n in range(20):
            alone.write_now(partial(publish_one, str(n)))

        nap = threading.Event()
        for _ in range(int(DEADLINE_SECONDS / 0.02)):
            if len(told(alone)) == 20:
                break
            nap.wait(0.02)
        sequencer.stop()
        alone.write_now(partial(publish_one, "after the end"))

        assert told(alone) == [(n + 1, str(n)) for n in range(20)]

    def test_looks_at_once_when_woken(self, alone: Database) -> None:
        sequencer = Sequencer(alone, [OUTBOX], poll_seconds=1000)
        sequencer.start()
        alone.write_now(partial(publish_one, "a"))

        nap = threading.Event()
        for _ in range(int(DEADLINE_SECONDS / 0.02)):
            sequencer.wake()
            if told(alone):
                break
            nap.wait(0.02)
        sequencer.stop()

        assert told(alone) == [(1, "a")]
