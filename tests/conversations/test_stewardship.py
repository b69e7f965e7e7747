"""Holds, retention and erasure as verbs and jobs: what wins over what, and what a stop in the middle leaves."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from callfloor.access.audit import OPERATOR
from callfloor.conversations import removing
from callfloor.conversations.changes import CHANGES
from callfloor.conversations.erasing import (
    RETENTION,
    Item,
    Requested,
    RequestErasure,
    begin_erasure,
    erase_item,
    request_erasure,
    resume_erasures,
)
from callfloor.conversations.erasure_jobs import ERASE_CONVERSATIONS, REMOVE_DUE
from callfloor.conversations.holds import LegalHold, PlaceHold, lift_hold, place_hold
from callfloor.conversations.parties import Party
from callfloor.conversations.persons import conversations_of_person, person_key, person_keys
from callfloor.conversations.receipts import ErasedConversation, Receipt, conversations_of, receipts_below
from callfloor.conversations.retaining import SetRetention, set_retention
from callfloor.conversations.stewardship_tables import ItemState
from callfloor.conversations.tables import ConversationKind, conversation, recording
from callfloor.conversations.transcripts import Segment
from callfloor.foundation import clock
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database, metadata, open_database
from callfloor.foundation.errors import InvalidInput
from callfloor.foundation.files import open_files
from callfloor.foundation.jobs import Enqueue, JobState, cancel, enqueue, newest_jobs
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.sequence import prepare
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.migrations.tables import load
from callfloor.teams.teams import Team
from tests.factories.conversations import COLLEAGUE, make_conversation, make_recorded_call
from tests.factories.teams import make_team

CALL, MEETING = ConversationKind.CALL, ConversationKind.MEETING
CLEO = Party(name="Cleo", email="cleo@customer.example")
DANA = Party(name="Dana", email="dana@other.example")
HASH_KEY = b"a key of the tests, thirty-two characters and more"


@pytest.fixture
def services(fresh_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """A database of this test alone: removal by age looks at every team."""
    settings = Settings(data=tmp_path_factory.mktemp("data"), secret_key=SecretStr(HASH_KEY.decode()))
    db = open_database(fresh_database_url)
    db.write_now(functools.partial(prepare, what=CHANGES))
    yield Services(settings, db, open_files(settings))
    db.close_now()


@pytest.fixture
def db(services: Services) -> Database:
    return services.db


@pytest.fixture
def team(db: Database) -> Team:
    return make_team(db)


def make(db: Database, team: Team, party: Party, *, age_days: int = 0, kind: ConversationKind = CALL) -> str:
    date = clock.now() - age_days * DAY
    said = (Segment("Cleo", 0, 900, "Hello."),)
    return make_conversation(db, team, kind=kind, parties=(COLLEAGUE, party), date=date, transcript=said)


def hold(db: Database, team: Team, *, conversation: str | None = None, person: str | None = None) -> str:
    key = None if person is None else person_key(person)
    command = PlaceHold(team.id, "Case 12", OPERATOR, clock.now(), conversation, key)
    return db.write_now(functools.partial(place_hold, command=command)).id


def lift(db: Database, team: Team, hold_id: str) -> None:
    db.write_now(functools.partial(lift_hold, team_id=team.id, hold_id=hold_id, actor=OPERATOR, now=clock.now()))


def request(db: Database, team: Team, *ids: str, person: str | None = None, skips_held: bool = False) -> Requested:
    key = None if person is None else person_key(person)
    command = RequestErasure(team.id, OPERATOR, clock.now(), HASH_KEY, ids, key, skips_held)
    return db.write_now(functools.partial(request_erasure, command=command))


def run(services: Services) -> None:
    drain(services, [ERASE_CONVERSATIONS, REMOVE_DUE], now=clock.now())


def remove_due(services: Services) -> None:
    order = Enqueue(kind=REMOVE_DUE.name, args={}, team_id=None, now=clock.now())
    services.db.write_now(functools.partial(enqueue, order=order))
    run(services)


def keep_for(db: Database, team: Team, **days: int | None) -> None:
    by_kind = {ConversationKind(kind): value for kind, value in days.items()}
    db.write_now(functools.partial(set_retention, command=SetRetention(team.id, by_kind, OPERATOR, clock.now())))


def left(db: Database, *ids: str) -> list[str]:
    """Return which of these conversations are still there."""
    found = {row[0] for row in db.read_now(lambda tx: tx.all(select(conversation.c.id)))}
    return [one for one in ids if one in found]


def receipts(db: Database, team: Team) -> list[Receipt]:
    return db.read_now(functools.partial(receipts_below, team_id=team.id, take=100))


def items_of(db: Database, team: Team) -> list[ErasedConversation]:
    """Return what became of the conversations of the team's only erasure."""
    (receipt,) = receipts(db, team)
    return db.read_now(functools.partial(conversations_of, team_id=team.id, erasure_id=receipt.id, take=10))


def test_a_held_conversation_is_not_erased(services: Services, db: Database, team: Team) -> None:
    held, free = make(db, team, CLEO), make(db, team, CLEO)
    hold_id = hold(db, team, conversation=held)

    with pytest.raises(LegalHold, match=rf"1 of 2 are held, conversation {held} by hold {hold_id}: Case 12"):
        request(db, team, person=CLEO.email)
    asked = request(db, team, person=CLEO.email, skips_held=True)
    run(services)

    assert left(db, held, free) == [held]
    items = db.read_now(functools.partial(conversations_of, team_id=team.id, erasure_id=asked.erasure_id, take=10))
    assert {one.conversation_id: (one.state, one.hold_id) for one in items} == {
        held: ("held", hold_id),
        free: ("erased", None),
    }
    (receipt,) = receipts(db, team)
    assert (receipt.counts["conversations_held"], receipt.counts["conversations_erased"]) == (1, 1)


def test_a_held_person_is_not_erased_until_the_hold_is_lifted(services: Services, db: Database, team: Team) -> None:
    call = make(db, team, CLEO)
    hold_id = hold(db, team, person="CLEO@customer.example")
    later = make(db, team, CLEO)

    for refused in ((call,), (later,)):
        with pytest.raises(LegalHold, match="Case 12"):
            request(db, team, *refused)
    with pytest.raises(LegalHold, match="this person is held"):
        request(db, team, person=CLEO.email, skips_held=True)
    lift(db, team, hold_id)
    request(db, team, person=CLEO.email)
    run(services)

    assert left(db, call, later) == []


def test_a_hold_that_comes_while_the_job_runs_still_wins(services: Services, db: Database, team: Team) -> None:
    calls = [make(db, team, CLEO), make(db, team, CLEO)]
    request(db, team, *calls)
    hold(db, team, conversation=calls[1])

    run(services)

    assert left(db, *calls) == [calls[1]]


def test_goes_on_where_it_was_stopped(services: Services, db: Database, team: Team) -> None:
    calls = [make(db, team, CLEO) for _ in range(5)]
    asked = request(db, team, *calls)
    erase = functools.partial(
        erase_item, team_id=team.id, erasure_id=asked.erasure_id, hash_key=HASH_KEY, now=clock.now()
    )
    for call in sorted(calls)[:2]:  # as by a worker that was killed after two
        db.write_now(functools.partial(erase, conversation_id=call))

    run(services)

    assert left(db, *calls) == []
    (receipt,) = receipts(db, team)
    assert (receipt.state, receipt.counts["conversations_erased"]) == ("done", 5)
    assert receipt.counts["transcript_segment"] == 5
    assert receipt.digest is not None


def test_a_file_before_which_it_was_stopped_is_gone_when_it_is_done(
    services: Services, db: Database, team: Team
) -> None:
    call = make_recorded_call(db, team)
    ((key,),) = db.read_now(lambda tx: tx.all(select(recording.c.file_key)))
    path = services.settings.data / "files" / key
    path.parent.mkdir(parents=True)
    path.write_bytes(b"said")
    asked = request(db, team, call)
    erase = functools.partial(erase_item, team_id=team.id, erasure_id=asked.erasure_id, hash_key=HASH_KEY)
    # As by a worker that was killed, or whose store of files was away.
    db.write_now(functools.partial(erase, conversation_id=call, now=clock.now()))

    run(services)

    assert [one.state for one in receipts(db, team)] == ["done"]
    assert not path.exists()


def test_what_is_older_than_a_team_keeps_goes_by_kind(services: Services, db: Database, team: Team) -> None:
    old, young = make(db, team, CLEO, age_days=40), make(db, team, CLEO, age_days=20)
    meeting = make(db, team, CLEO, age_days=400, kind=MEETING)
    held, of_held = make(db, team, CLEO, age_days=50), make(db, team, DANA, age_days=60)
    hold(db, team, conversation=held)
    hold(db, team, person=DANA.email)
    elsewhere = make(db, make_team(db), CLEO, age_days=4000)
    keep_for(db, team, call=30)

    remove_due(services)

    assert left(db, old, young, meeting, held, of_held, elsewhere) == [young, meeting, held, of_held, elsewhere]
    (receipt,) = receipts(db, team)
    assert (receipt.cause, receipt.state, receipt.counts["conversations_erased"]) == ("retention", "done", 1)
    assert receipt.requested_by["kind"] == "system"


def test_nothing_due_leaves_no_receipt(services: Services, db: Database, team: Team) -> None:
    make(db, team, CLEO, age_days=40)
    keep_for(db, team, call=30)
    keep_for(db, team, call=None)

    remove_due(services)

    assert receipts(db, team) == []


def test_removal_goes_on_with_the_receipt_of_one_that_was_stopped(services: Services, db: Database, team: Team) -> None:
    calls = [make(db, team, CLEO, age_days=40 + n) for n in range(3)]
    keep_for(db, team, call=30)
    gathered(db, team, *calls[:2])

    remove_due(services)

    assert left(db, *calls) == []
    assert [(one.state, one.counts["conversations_erased"]) for one in receipts(db, team)] == [("done", 3)]


def gathered(db: Database, team: Team, *calls: str) -> None:
    """Leave a removal as a worker does that was killed after it had gathered these."""
    items = [Item(one, CALL, ItemState.WAITING) for one in calls]
    begun = RequestErasure(team.id, OPERATOR, clock.now(), HASH_KEY)
    db.write_now(functools.partial(begin_erasure, command=begun, items=items, cause=RETENTION))


def test_removal_that_was_stopped_leaves_what_is_kept_by_now(services: Services, db: Database, team: Team) -> None:
    off, longer = team, make_team(db)
    kept = [make(db, off, CLEO, age_days=40), make(db, longer, CLEO, age_days=40)]
    gone = make(db, longer, CLEO, age_days=80)
    gathered(db, off, kept[0])
    gathered(db, longer, kept[1], gone)
    keep_for(db, off, call=30)
    keep_for(db, off, call=None)
    keep_for(db, longer, call=60)

    remove_due(services)

    assert left(db, *kept, gone) == kept
    assert [(one.state, one.counts) for one in receipts(db, off)] == [("done", {"jobs": 0})]
    assert [(one.state, one.counts["conversations_erased"]) for one in receipts(db, longer)] == [("done", 1)]
    (item,) = items_of(db, longer)
    assert (item.conversation_id, item.state) == (gone, "erased")


def test_an_erasure_whose_job_was_given_up_goes_on_the_next_night(services: Services, db: Database, team: Team) -> None:
    """As when the store of the files is away for hours."""
    call = make(db, team, CLEO)
    request(db, team, call)
    (job,) = db.read_now(functools.partial(newest_jobs, team_id=team.id))
    assert db.write_now(functools.partial(cancel, job_id=job.id, now=clock.now())) is JobState.CANCELLED
    run(services)
    assert (left(db, call), receipts(db, team)[0].state) == ([call], "running")

    remove_due(services)

    assert (left(db, call), receipts(db, team)[0].state) == ([], "done")


def test_an_erasure_that_has_its_job_is_given_no_other(db: Database, team: Team) -> None:
    request(db, team, make(db, team, CLEO))

    db.write_now(functools.partial(resume_erasures, now=clock.now()))

    kinds = [job.kind for job in db.read_now(functools.partial(newest_jobs, team_id=team.id))]
    assert kinds == [ERASE_CONVERSATIONS.name]


def test_what_is_erased_twice_stays_erased_in_the_receipt(db: Database, team: Team) -> None:
    """A worker that was taken for lost goes on beside the one that took its place."""
    call = make(db, team, CLEO)
    asked = request(db, team, call)
    erase = functools.partial(erase_item, team_id=team.id, erasure_id=asked.erasure_id, hash_key=HASH_KEY)
    for _ in range(2):
        db.write_now(functools.partial(erase, conversation_id=call, now=clock.now()))

    (item,) = items_of(db, team)
    assert (item.state, item.counts["transcript_segment"]) == ("erased", 1)


@pytest.mark.parametrize("ids", [(), ("none",)], ids=["nothing", "unknown"])
def test_refuses_what_is_not_there(db: Database, team: Team, ids: tuple[str, ...]) -> None:
    make(db, make_team(db), CLEO)

    with pytest.raises(InvalidInput):
        request(db, team, *ids)


def test_another_teams_person_is_not_touched(services: Services, db: Database, team: Team) -> None:
    theirs = make(db, make_team(db), CLEO)

    assert request(db, team, person=CLEO.email).items == []
    run(services)

    assert left(db, theirs) == [theirs]


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("Cleo@Customer.Example ", "email:cleo@customer.example"),
        ("sip:cleo@customer.example", "email:cleo@customer.example"),
        ("+49 (30) 12-34", "number:49301234"),
        ("0049 30 1234", "number:49301234"),
        ("+49 (0)30 1234", "number:49301234"),
        ("tel:+49301234", "number:49301234"),
        ("030 1234", "number:0301234"),
        ("anonymous", None),
        ("", None),
    ],
)
def test_addresses_and_numbers_are_known_however_they_are_written(text: str, key: str | None) -> None:
    assert person_key(text) == key


def test_a_number_is_known_by_its_sip_address_too() -> None:
    known = {"number:49301234", "email:+49301234@pbx.example"}

    assert person_keys("sip:+49301234@pbx.example") == known
    assert person_keys("cleo@customer.example") == {"email:cleo@customer.example"}
    assert person_keys("anonymous") == set()


def test_an_address_that_begins_with_digits_is_no_number(db: Database, team: Team) -> None:
    """A colleague's address may begin with their extension: erasing a caller of that number leaves them alone."""
    make(db, team, Party(name="Ida", email="1001@colleagues.example"))

    assert db.read_now(functools.partial(conversations_of_person, team_id=team.id, key="number:1001")) == []


def test_every_table_of_conversations_is_thought_of() -> None:
    load()
    with_conversations = {table.name for table in metadata.tables.values() if "conversation_id" in table.c}

    known: set[Any] = {table.name for table in (*removing.BELONGINGS, *removing.OTHERS)}
    assert with_conversations == known
