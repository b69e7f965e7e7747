"""`callfloor key …`."""

from __future__ import annotations

import dataclasses
import functools
from typing import Annotated

import typer

from callfloor.access.accounts import member_by_email
from callfloor.access.audit import OPERATOR
from callfloor.access.keys import CreatedKey, CreateKey, DeleteKey, create_key, delete_key, keys_of_team
from callfloor.access.scopes import Scope
from callfloor.access.secrets import keyed_hash
from callfloor.access.tables import KeyKind
from callfloor.foundation import clock
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened, refuse
from callfloor.foundation.database import Tx
from callfloor.foundation.ids import new_secret
from callfloor.teams.teams import Team, team_by_id

app = typer.Typer(name="key", help="Keys of the public APIs.", no_args_is_help=True)

TeamOption = Annotated[int, typer.Option("--team", metavar="ID", help="The team's id.")]


class MakerNotFound(Exception):
    """No member of the team has the address."""


@app.command("create")
def create(  # noqa: PLR0917  # one parameter an option
    team: TeamOption,
    kind: Annotated[KeyKind, typer.Option(help="Which API it opens.")],
    name: Annotated[str, typer.Option(help="What it is called; the user name of the Portal API.")],
    user: Annotated[
        str | None,
        typer.Option(metavar="EMAIL", help="The member it is made for; uploads without userEmail are theirs."),
    ] = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="What a key of the Callfloor API may do; may repeat; left out, everything."),
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; its secret is shown only here."""
    if scope and kind is not KeyKind.API:
        raise typer.BadParameter("only a key of the Callfloor API (--kind api) has scopes", param_hint="--scope")
    secret = new_secret()
    with opened(data, database) as services:
        command = CreateKey(
            team_id=team,
            kind=kind,
            name=name,
            secret_hash=keyed_hash(secret, key=services.settings.hash_key),
            actor=OPERATOR,
            now=clock.now(),
            scopes=tuple(one.value for one in scope or Scope) if kind is KeyKind.API else None,
        )
        try:
            owner, key = services.db.write_now(functools.partial(_create, command=command, maker_email=user))
        except MakerNotFound:
            refuse(f"{user} is not a member of team {team}; add the person with: callfloor user create")
        answer(_shown(owner, command, key, secret), as_json=as_json)


@app.command("list")
def list_(
    team: TeamOption,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """List the keys of a team; secrets are never shown again."""
    with opened(data, database) as services:
        rows = services.db.read_now(functools.partial(keys_of_team, team_id=team))
        keys = [
            {
                "id": key_id,
                "kind": kind,
                "name": name,
                "created_at": clock.iso(created_at),
                "expires_at": clock.iso_or_none(expires_at),
            }
            for key_id, kind, name, created_at, expires_at in rows
        ]
        answer({"team_id": team, "keys": keys}, as_json=as_json)


@app.command("delete")
def delete(
    key_id: Annotated[int, typer.Argument(metavar="KEY", help="The key's id.")],
    team: TeamOption,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Delete a key; it stops working at once, in every process."""
    with opened(data, database) as services:
        command = DeleteKey(team, key_id, OPERATOR, clock.now())
        services.db.write_now(functools.partial(delete_key, command=command))
        answer({"team_id": team, "deleted": key_id}, as_json=as_json)


def _create(tx: Tx, command: CreateKey, maker_email: str | None) -> tuple[Team, CreatedKey]:
    owner = team_by_id(tx, command.team_id)
    if maker_email is not None:
        maker = member_by_email(tx, command.team_id, maker_email)
        if maker is None:
            raise MakerNotFound
        command = dataclasses.replace(command, made_by_account_id=maker)
    return owner, create_key(tx, command)


def _shown(owner: Team, command: CreateKey, key: CreatedKey, secret: str) -> dict[str, object]:
    if command.kind is KeyKind.PORTAL:
        return {"id": key.id, "name": key.name, "secret": secret}
    if command.kind is KeyKind.API:
        return {"id": key.id, "token": secret, "scopes": list(command.scopes or ())}
    return {
        "id": key.id,
        "api_key": secret,
        "client_id": owner.client_id,
        "expires_at": clock.iso_or_none(key.expires_at),
    }
