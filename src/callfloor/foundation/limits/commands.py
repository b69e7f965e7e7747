"""`callfloor limits …`."""

from __future__ import annotations

import functools
from typing import Annotated

import typer

from callfloor.foundation import clock
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened
from callfloor.foundation.limits.blocks import blocks_in_force, lift_block

app = typer.Typer(name="limits", help="Addresses that are shut out.", no_args_is_help=True)


@app.command("list")
def list_(data: Data = None, database: DatabaseUrl = None, as_json: AsJson = False) -> None:
    """List the addresses that are shut out, the longest first."""
    with opened(data, database) as services:
        blocks = services.db.read_now(functools.partial(blocks_in_force, now=clock.now()))
        shown = [
            {"address": one.client, "blocked_at": clock.iso(one.blocked_at), "ends_at": clock.iso(one.ends_at)}
            for one in blocks
        ]
        answer({"blocks": shown}, as_json=as_json)


@app.command("lift")
def lift(
    address: Annotated[str, typer.Argument(help="The address, as the list shows it.")],
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Let an address in again; running servers hear of it within a second."""
    with opened(data, database) as services:
        services.db.write_now(functools.partial(lift_block, client=address, now=clock.now()))
        answer({"lifted": address}, as_json=as_json)
