"""`callfloor redaction …`: parts taken out of conversations."""

from __future__ import annotations

import functools
import math
import re
from typing import Annotated, Any

import typer

from callfloor.access.audit import OPERATOR
from callfloor.conversations.locking import Which, check_met
from callfloor.conversations.muting import MutedInterval
from callfloor.conversations.redacting import RedactConversation, Redaction, redact_conversation, redactions_below
from callfloor.conversations.tables import ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.clock import iso, iso_or_none
from callfloor.foundation.command_line import MISUSED, AsJson, Data, DatabaseUrl, answer, opened, refuse
from callfloor.foundation.database import Tx
from callfloor.foundation.dry_run import try_now

app = typer.Typer(name="redaction", help="Parts that nobody hears or reads again.", no_args_is_help=True)

_LISTED = 200
_PART = re.compile(r"([0-9]{1,6}(?:\.[0-9]+)?)-([0-9]{1,6}(?:\.[0-9]+)?)")

Team = Annotated[int, typer.Option("--team", help="The team's id.")]
Conversation = Annotated[str, typer.Argument(help="The conversation's id.")]
Kind = Annotated[ConversationKind, typer.Option("--kind", help="What it is.")]


@app.command("request")
def request(  # noqa: PLR0917  # one parameter an option
    conversation: Conversation,
    team: Team,
    part: Annotated[list[str], typer.Option(metavar="FROM-TO", help="Seconds from the beginning; repeatable.")],
    kind: Kind = ConversationKind.CALL,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be taken out.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Take parts out of a conversation for good; a worker silences its recording."""
    parts = [_part(one) for one in part]
    with opened(data, database) as services:
        command = RedactConversation(Which(team, kind, conversation), parts, OPERATOR, clock.now())
        verb = functools.partial(redact_conversation, command=command)
        if dry_run:
            answer({**_shown(try_now(services.db, verb)), "id": None}, as_json=as_json)
        else:
            answer(_shown(services.db.write_now(verb)), as_json=as_json)


@app.command("list")
def list_(
    conversation: Conversation,
    team: Team,
    kind: Kind = ConversationKind.CALL,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the newest redactions of a conversation."""

    def read(tx: Tx) -> list[Redaction]:
        check_met(tx, Which(team, kind, conversation))
        return redactions_below(tx, team, conversation, take=_LISTED)

    with opened(data, database) as services:
        answer({"redactions": [_shown(one) for one in services.db.read_now(read)]}, as_json=as_json)


def _part(text: str) -> MutedInterval:
    found = _PART.fullmatch(text)
    if found is None:
        refuse(f"--part {text}: give seconds from the beginning, such as 61.5-74.", code=MISUSED)
    return MutedInterval(math.floor(float(found[1]) * 1000), math.ceil(float(found[2]) * 1000))


def _shown(one: Redaction) -> dict[str, Any]:
    return {
        "id": one.id,
        "state": str(one.state),
        "parts": [f"{start / 1000:g}-{end / 1000:g}" for start, end in one.intervals],
        "requested_at": iso(one.requested_at),
        "requested_by": dict(one.requested_by),
        "finished_at": iso_or_none(one.finished_at),
        "scrubbed_at": iso_or_none(one.scrubbed_at),
        "counts": dict(one.counts),
    }
