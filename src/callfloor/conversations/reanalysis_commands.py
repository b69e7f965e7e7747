"""`callfloor analysis …`: conversations analyzed anew, one or all of some days."""

from __future__ import annotations

import contextlib
import datetime
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from callfloor.access.audit import OPERATOR
from callfloor.conversations.locking import Which
from callfloor.conversations.reanalyzing import (
    Reanalyze,
    Recorded,
    reanalyze_conversation,
    recorded_after,
    recorded_count,
)
from callfloor.conversations.tables import AUTO, ConversationKind
from callfloor.foundation import clock
from callfloor.foundation.clock import Millis, from_datetime
from callfloor.foundation.command_line import MISUSED, AsJson, Data, DatabaseUrl, answer, opened, refuse
from callfloor.foundation.database import Database
from callfloor.foundation.errors import DomainError
from callfloor.foundation.fields import LANGUAGE_PATTERN
from callfloor.teams.teams import team_by_id

app = typer.Typer(name="analysis", help="Conversations analyzed anew.", no_args_is_help=True)

_AT_ONCE = 200
Team = Annotated[int, typer.Option("--team", help="The team's id.")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="Conversations; left out, those of some days.")]


@app.callback()
def analysis() -> None:
    """Conversations analyzed anew: with another model, in another language, or after their analysis failed."""


@app.command("repeat")
def repeat(  # noqa: PLR0913, PLR0917  # one parameter an option
    team: Team,
    ids: Ids = None,
    kind: Annotated[ConversationKind, typer.Option("--kind", help="What they are.")] = ConversationKind.CALL,
    from_: Annotated[
        datetime.datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day, of UTC.")
    ] = None,
    to: Annotated[
        datetime.datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day, of UTC.")
    ] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those whose analysis failed.")] = False,
    language: Annotated[
        str | None, typer.Option(metavar="CODE|auto", help="What is spoken; left out, what each says.")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Have workers analyze recordings again, behind today's; what there is stays until then."""
    by_days = from_ is not None and to is not None and not ids
    by_ids = ids and from_ is None and to is None and not failed
    if not (by_days or by_ids):
        refuse("Give ids, or --from and --to.", code=MISUSED)
    if language not in {None, AUTO} and not re.fullmatch(LANGUAGE_PATTERN, language or ""):
        refuse(f"--language {language}: give a code such as de or pt-BR, or auto.", code=MISUSED)
    with opened(data, database) as services:
        services.db.read_now(functools.partial(team_by_id, team_id=team))
        asked: Iterable[str] = ids or ()
        total = len(ids or ())
        if from_ is not None and to is not None:
            window = Recorded(team, kind, _instant(from_), _instant(to) + clock.DAY, failed)
            total = services.db.read_now(functools.partial(recorded_count, asked=window))
            asked = _recorded(services.db, window)
        with _bar(total) as told:
            queued, refused = _queue(services.db, team, kind, told(asked), language)
        answer({"queued": queued, "refused": dict(refused)}, as_json=as_json)


def _queue(
    db: Database, team: int, kind: ConversationKind, ids: Iterable[str], language: str | None
) -> tuple[int, Counter[str]]:
    """Queue each; return how many, and how many were refused by the code of why."""
    queued, refused = 0, Counter[str]()
    for conversation_id in ids:
        which = Which(team, kind, conversation_id)
        command = Reanalyze(which, OPERATOR, clock.now(), language)
        try:
            db.write_now(functools.partial(reanalyze_conversation, command=command))
            queued += 1
        except DomainError as error:
            refused[error.code] += 1
    return queued, refused


@contextlib.contextmanager
def _bar(total: int) -> Iterator[Callable[[Iterable[str]], Iterable[str]]]:
    columns = TextColumn("Queueing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield functools.partial(bar.track, total=total)


def _recorded(db: Database, asked: Recorded) -> Iterator[str]:
    place: tuple[Millis, str] | None = None
    while rows := db.read_now(functools.partial(recorded_after, asked=asked, after=place, take=_AT_ONCE)):
        yield from (id_ for _, id_ in rows)
        place = rows[-1]


def _instant(day: datetime.datetime) -> Millis:
    return from_datetime(day.replace(tzinfo=datetime.UTC))
