"""`callfloor invitation …`: for installations whose mail does not go out."""

from __future__ import annotations

from typing import Annotated

import typer

from callfloor.foundation import clock
from callfloor.foundation.clock import iso
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened
from callfloor.teams.invitation_links import link_of
from callfloor.teams.invitation_queries import link_of_email

app = typer.Typer(name="invitation", help="Invitations by mail.", no_args_is_help=True)


@app.callback()
def invitation() -> None:
    """Invitations by mail."""


@app.command("link")
def link(
    email: Annotated[str, typer.Argument(help="The invited person's e-mail address.")],
    team: Annotated[int, typer.Option("--team", metavar="ID", help="The team's id.")],
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Print the link of a pending invitation, to be handed over by other means than mail."""
    with opened(data, database) as services:
        now = clock.now()
        found = services.db.read_now(lambda tx: link_of_email(tx, team, email, now=now))
        base = services.settings.public_url or found.link_base
        address = link_of(base, found.nonce, services.settings.hash_key)
        answer({"link": address, "expires_at": iso(found.expires_at)}, as_json=as_json)
