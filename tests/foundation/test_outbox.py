"""Events are told if, and only if, what they tell of was committed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from callfloor.foundation.database import Database, Tx, open_database
from callfloor.foundation.outbox import OUTBOX, Event, events_after, publish
from callfloor.foundation.sequence import number_waiting, prepare

AT = 1_700_049_600_000


@pytest.fixture
def alone(fresh_database_url: str) -> Iterator[Database]:
    """A database of the test alone, its events numbered from 1."""
    db = open_database(fresh_database_url, strict_reads=True)
    db.write_now(partial(prepare, what=OUTBOX))
    yield db
    db.close_now()


def event(subject: str) -> Event:
    return Event(kind="seat.added", team_id=7, subject=subject, payload={"role": "user"}, at=AT)


class TestPublish:
    def test_is_read_back_as_it_was_published(self, alone: Database) -> None:
        published = event("seat-1")
        alone.write_now(partial(publish, event=published))

        number_waiting(alone, OUTBOX)

        (numbered,) = alone.read_now(partial(events_after, seq=0))
        assert (numbered.seq, numbered.event) == (1, published)

    def test_is_not_told_when_the_transaction_fails(self, alone: Database) -> None:
        def verb(tx: Tx) -> None:
            publish(tx, event("seat-1"))
            raise ValueError("no seat after all")

        with pytest.raises(ValueError, match="no seat"):
            alone.write_now(verb)

        assert number_waiting(alone, OUTBOX) == 0
        assert alone.read_now(partial(events_after, seq=0)) == []


class TestEventsAfter:
    def test_are_unseen_until_they_are_numbered(self, alone: Database) -> None:
        alone.write_now(partial(publish, event=event("seat-1")))

        assert alone.read_now(partial(events_after, seq=0)) == []

    def test_keep_the_order_they_were_published_in(self, alone: Database) -> None:
        def verb(tx: Tx) -> None:
            for n in range(50):
                publish(tx, event(f"seat-{n}"))

        alone.write_now(verb)
        number_waiting(alone, OUTBOX)

        told = [each.event.subject for each in alone.read_now(partial(events_after, seq=0))]
        assert told == [f"seat-{n}" for n in range(50)]

    def test_are_followed_page_by_page(self, alone: Database) -> None:
        for n in range(5):
            alone.write_now(partial(publish, event=event(f"seat-{n}")))
        number_waiting(alone, OUTBOX)

        pages = [alone.read_now(partial(events_after, seq=seq, count=2)) for seq in (0, 2, 4, 5)]

        assert [[each.seq for each in page] for page in pages] == [[1, 2], [3, 4], [5], []]
