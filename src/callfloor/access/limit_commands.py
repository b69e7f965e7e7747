"""`callfloor limits …`."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from callfloor.access.audit import OPERATOR
from callfloor.access.lifting import lift_limit
from callfloor.foundation import clock
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened
from callfloor.foundation.limits.blocks import blocks_in_force

app = typer.Typer(name="limits", help="Who is shut out by a limit.", no_args_is_help=True)


@app.command("list")
def list_(data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """List who is shut out of which API, the longest first."""
    with opened(data, database) as services:
        blocks = services.db.read_now(functools.partial(blocks_in_force, now=clock.now()))
        shown = [
            {
                "api": api.value,
                "client": one.client,
                "blocked_at": clock.iso(one.blocked_at),
                "ends_at": clock.iso(one.ends_at),
            }
            for api, one in blocks
        ]
        answer({"blocks": shown}, as_json=as_json)


@app.command("lift")
def lift(
    client: Annotated[str, typer.Argument(help="An address, or another client, as the list shows it.")],
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Let a client in again; running servers hear of it within a second."""
    with opened(data, database) as services:
        verb = functools.partial(lift_limit, client=client, actor=OPERATOR, now=clock.now())
        services.db.write_now(verb)
        answer({"lifted": client}, as_json=as_json)
