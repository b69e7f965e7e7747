"""`callfloor retention …`, `callfloor hold …`, `callfloor erasure …`."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from callfloor.access.audit import OPERATOR
from callfloor.conversations.erasing import RequestErasure, request_erasure
from callfloor.conversations.holds import Hold, PlaceHold, holds_below, lift_hold, place_hold
from callfloor.conversations.receipts import Receipt, receipt_by_id, receipts_below
from callfloor.conversations.retaining import (
    REMOVE,
    SetRetention,
    due_count,
    retention_of_team,
    set_retention,
)
from callfloor.conversations.subjects import person_of, shown_person
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.clock import Millis, iso, iso_or_none
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened
from callfloor.foundation.database import Tx
from callfloor.foundation.dry_run import try_now
from callfloor.foundation.jobs import Enqueue, enqueue

retention_app = typer.Typer(name="retention", help="For how long conversations are kept.", no_args_is_help=True)
hold_app = typer.Typer(name="hold", help="Legal holds: what must be kept.", no_args_is_help=True)
erasure_app = typer.Typer(name="erasure", help="Conversations erased on request.", no_args_is_help=True)

_LISTED = 200
Team = Annotated[int, typer.Option("--team", help="The team's id.")]
Days = Annotated[str | None, typer.Option(metavar="DAYS|off", help="Days from their beginning; off: for ever.")]
Conversations = Annotated[list[str] | None, typer.Option("--conversation", help="A conversation's id; repeatable.")]
Email = Annotated[str | None, typer.Option(help="Or a person's e-mail address.")]
Number = Annotated[str | None, typer.Option(help="Or a person's telephone number.")]
SkipHeld = Annotated[bool, typer.Option("--skip-held", help="Leave what is held, and erase the rest.")]


@retention_app.command("show")
def show_retention(team: Team, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Show for how long a team keeps its conversations, and how many are older."""
    with opened(data, database) as services:
        shown = services.db.read_now(functools.partial(_retention, team_id=team, now=clock.now()))
        answer(shown, as_json=as_json)


@retention_app.command("set")
def set_retention_(  # one parameter an option
    team: Team,
    calls: Days = None,
    meetings: Days = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Set for how long a team keeps its conversations; what is older goes in the next night."""
    days: dict[ConversationKind, int | None] = {}
    for kind, name, given in (
        (ConversationKind.CALL, "--calls", calls),
        (ConversationKind.MEETING, "--meetings", meetings),
    ):
        if given is not None:
            days[kind] = _days(given, name)
    with opened(data, database) as services:
        now = clock.now()
        command = SetRetention(team, days, OPERATOR, now)
        services.db.write_now(functools.partial(set_retention, command=command))
        answer(services.db.read_now(functools.partial(_retention, team_id=team, now=now)), as_json=as_json)


@retention_app.command("run")
def run_retention(data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """Have a worker remove what is older now, of every team, instead of in the next night."""
    with opened(data, database) as services:
        order = Enqueue(kind=REMOVE, args={}, team_id=None, now=clock.now(), unique_key="by hand")
        answer({"job": services.db.write_now(functools.partial(enqueue, order=order))}, as_json=as_json)


@hold_app.command("place")
def place(  # noqa: PLR0917  # one parameter an option
    team: Team,
    reason: Annotated[str, typer.Option(help="Why; whoever is refused an erasure reads it.")],
    conversation: Annotated[str | None, typer.Option(help="A conversation's id.")] = None,
    email: Email = None,
    number: Number = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Keep a conversation, or every conversation of a person, until the hold is lifted."""
    with opened(data, database) as services:
        command = PlaceHold(team, reason, OPERATOR, clock.now(), conversation, person_of(email, number))
        answer(_hold(services.db.write_now(functools.partial(place_hold, command=command))), as_json=as_json)


@hold_app.command("lift")
def lift(
    hold: Annotated[str, typer.Argument(help="The hold's id.")],
    team: Team,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Lift a hold."""
    with opened(data, database) as services:
        verb = functools.partial(lift_hold, team_id=team, hold_id=hold, actor=OPERATOR, now=clock.now())
        answer(_hold(services.db.write_now(verb)), as_json=as_json)


@hold_app.command("list")
def list_holds(team: Team, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """List a team's newest holds."""
    with opened(data, database) as services:
        found = services.db.read_now(functools.partial(holds_below, team_id=team, take=_LISTED))
        answer({"holds": [_hold(one) for one in found]}, as_json=as_json)


@erasure_app.command("request")
def request(  # noqa: PLR0913, PLR0917  # one parameter an option
    team: Team,
    conversation: Conversations = None,
    email: Email = None,
    number: Number = None,
    skip_held: SkipHeld = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be erased.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Have a worker erase conversations, or all of a person; prints what it is about."""
    with opened(data, database) as services:
        command = RequestErasure(
            team,
            OPERATOR,
            clock.now(),
            services.settings.hash_key,
            tuple(conversation or ()),
            person_of(email, number),
            skip_held,
        )
        verb = functools.partial(request_erasure, command=command)
        done = try_now(services.db, verb) if dry_run else services.db.write_now(verb)
        items = [{"id": one.conversation_id, "kind": one.kind, "state": str(one.state)} for one in done.items]
        shown_id = None if dry_run else done.erasure_id
        shown = {"erasure": shown_id, "conversations": items, "unfinished_uploads": done.unfinished_uploads}
        answer(shown, as_json=as_json)


@erasure_app.command("show")
def show_erasure(  # noqa: PLR0917  # one parameter an option
    erasure: Annotated[str, typer.Argument(help="The erasure's id.")],
    team: Team,
    email: Annotated[str | None, typer.Option(help="Tell whether it is about this e-mail address.")] = None,
    number: Annotated[str | None, typer.Option(help="Tell whether it is about this telephone number.")] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Show a receipt; given an address or a number, whether it is about that person."""
    with opened(data, database) as services:
        receipt = services.db.read_now(functools.partial(receipt_by_id, team_id=team, erasure_id=erasure))
        shown = _receipt(receipt)
        person = person_of(email, number)
        if person is not None:
            shown["is_about"] = receipt.is_about(person, hash_key=services.settings.hash_key)
        answer(shown, as_json=as_json)


@erasure_app.command("list")
def list_erasures(team: Team, data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """List a team's newest receipts."""
    with opened(data, database) as services:
        found = services.db.read_now(functools.partial(receipts_below, team_id=team, take=_LISTED))
        answer({"erasures": [_receipt(one) for one in found]}, as_json=as_json)


def _days(text: str, option: str) -> int | None:
    if text == "off":
        return None
    if not text.isdecimal():
        raise typer.BadParameter("must be a whole number of days, or off", param_hint=option)
    return int(text)


def _retention(tx: Tx, team_id: int, now: Millis) -> Mapping[str, Any]:
    rules = retention_of_team(tx, team_id)
    due = {kind: due_count(tx, team_id, kind, days=days, now=now) for kind, days in rules.items()}
    shown: dict[str, Any] = {"team_id": team_id}
    for kind in ConversationKind:
        shown[f"{kind.value}_days"] = rules.get(kind)
        shown[f"{kind.value}s_due"] = due.get(kind, 0)
    return shown


def _hold(hold: Hold) -> dict[str, Any]:
    return {
        "id": hold.id,
        "conversation_id": hold.conversation_id,
        "person": shown_person(hold.person_key),
        "reason": hold.reason,
        "placed_at": iso(hold.placed_at),
        "lifted_at": iso_or_none(hold.lifted_at),
    }


def _receipt(receipt: Receipt) -> dict[str, Any]:
    return {
        "id": receipt.id,
        "cause": receipt.cause,
        "state": receipt.state,
        "requested_at": iso(receipt.requested_at),
        "requested_by": receipt.requested_by,
        "finished_at": iso_or_none(receipt.finished_at),
        "scrubbed_at": iso_or_none(receipt.scrubbed_at),
        "counts": dict(receipt.counts),
        "digest": receipt.digest,
    }
