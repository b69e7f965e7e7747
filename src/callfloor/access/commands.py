"""`callfloor audit …`."""

from __future__ import annotations

import dataclasses
import functools
from typing import Annotated

import typer

from callfloor.access.audit import INSTALLATION
from callfloor.access.trail import Search, found_entries
from callfloor.access.verifying import verify_trail
from callfloor.foundation import clock
from callfloor.foundation.command_line import REFUSED, AsJson, Data, DatabaseUrl, answer, opened

app = typer.Typer(name="audit", help="The audit trail.", no_args_is_help=True)


@app.command("list")
def list_(
    team: Annotated[
        int, typer.Option(help="Id of the team; left out, what concerns the whole installation.")
    ] = INSTALLATION,
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many at most.")] = 50,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the newest entries of a team, or of the installation."""
    with opened(data, database) as services:
        entries = services.db.read_now(functools.partial(found_entries, search=Search(team), count=count))
        shown = [{**dataclasses.asdict(one), "at": clock.iso(one.at)} for one in entries]
        answer({"entries": shown}, as_json=as_json)


@app.command("verify")
def verify(
    known: Annotated[
        str | None, typer.Option(metavar="SEALED:HEAD", help="What an earlier run said; proves the trail up to there.")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Prove that no entry was changed or removed since it was sealed; exits with 1 at the first that was."""
    number, _, seal = (known or "").partition(":")
    if known is not None and not (number.isdecimal() and seal):
        raise typer.BadParameter("must be the two values of an earlier run, as 1204:9f0c…", param_hint="--known")
    with opened(data, database) as services:
        head = None if known is None else (int(number), seal)
        found = verify_trail(services.db, hash_key=services.settings.hash_key, known=head)
        broken = found.broken
        answer(
            {
                "intact": broken is None,
                "sealed": found.sealed,
                "head": found.head,
                "content_erased": found.erased,
                "not_yet_sealed": found.unsealed,
                "not_yet_sealed_since": clock.iso_or_none(found.unsealed_since),
                "first_broken": None
                if broken is None
                else {"number": broken.seq, "id": broken.entry_id, "reason": broken.reason},
            },
            as_json=as_json,
        )
        if broken is not None:
            raise typer.Exit(REFUSED)
