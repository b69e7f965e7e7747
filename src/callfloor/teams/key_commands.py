"""`callfloor key …`."""

from __future__ import annotations

import dataclasses
import functools
from typing import Annotated

import typer

from callfloor.access.accounts import member_by_email
from callfloor.access.audit import OPERATOR
from callfloor.access.key_secrets import SecretView, secret_at_rest
from callfloor.access.key_views import KeyView, keys_of_team
from callfloor.access.keys import (
    CONVERSATIONS_KEY_LIFE,
    LONGEST_LIFE,
    ChangeKey,
    CreatedKey,
    CreateKey,
    DeleteKey,
    change_key,
    create_key,
    delete_key,
)
from callfloor.access.rotation import OVERLAP, EndRotation, RotateKey, end_rotation, rotate_key
from callfloor.access.scopes import Scope
from callfloor.access.tables import KeyKind
from callfloor.foundation import clock
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened, refuse
from callfloor.foundation.database import Tx
from callfloor.foundation.ids import new_secret
from callfloor.teams.teams import Team, team_by_id

app = typer.Typer(name="key", help="Keys of the public APIs.", no_args_is_help=True)

TeamOption = Annotated[int, typer.Option("--team", metavar="ID", help="The team's id.")]
KeyArgument = Annotated[int, typer.Argument(metavar="KEY", help="The key's id.")]
Networks = Annotated[
    list[str] | None,
    typer.Option("--network", metavar="CIDR", help="From where it may be used; may repeat; left out, everywhere."),
]


class MakerNotFound(Exception):
    """No member of the team has the address."""


@app.command("create")
def create(  # noqa: PLR0913, PLR0917  # one parameter an option
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
    expires_in_days: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=LONGEST_LIFE // clock.DAY,
            help=f"When it ends; left out, never, and a conversations key after {CONVERSATIONS_KEY_LIFE // clock.DAY}.",
        ),
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a key; its secret is shown only here."""
    if scope and kind is not KeyKind.API:
        raise typer.BadParameter("only a key of the Callfloor API (--kind api) has scopes", param_hint="--scope")
    secret, now = new_secret(), clock.now()
    with opened(data, database) as services:
        at_rest = secret_at_rest(secret, key=services.settings.hash_key)
        command = CreateKey(
            team_id=team,
            kind=kind,
            name=name,
            secret_hash=at_rest.hash,
            prefix=at_rest.prefix,
            actor=OPERATOR,
            now=now,
            expires_at=None if expires_in_days is None else now + expires_in_days * clock.DAY,
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
        keys = services.db.read_now(functools.partial(keys_of_team, team_id=team))
        answer({"team_id": team, "keys": [_listed(key, clock.now()) for key in keys]}, as_json=as_json)


@app.command("rename")
def rename(
    key_id: KeyArgument,
    name: Annotated[str, typer.Argument(help="What it is to be called.")],
    team: TeamOption,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Rename a key; of a Portal key only the new name works from now on."""
    with opened(data, database) as services:
        command = ChangeKey(team, key_id, OPERATOR, clock.now(), name=name)
        key = services.db.write_now(functools.partial(change_key, command=command))
        answer(_listed(key, command.now), as_json=as_json)


@app.command("restrict")
def restrict(
    key_id: KeyArgument,
    team: TeamOption,
    network: Networks = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Bind a key to networks; without any it may be used from everywhere."""
    with opened(data, database) as services:
        networks = tuple(network or ())
        command = ChangeKey(team, key_id, OPERATOR, clock.now(), networks=networks, sets_networks=True)
        key = services.db.write_now(functools.partial(change_key, command=command))
        answer(_listed(key, command.now), as_json=as_json)


@app.command("expire")
def expire(
    key_id: KeyArgument,
    team: TeamOption,
    in_days: Annotated[
        int | None,
        typer.Option(min=1, max=LONGEST_LIFE // clock.DAY, help="How many days it lives from now on."),
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Give a portal or api key another end; without --in-days it has none."""
    with opened(data, database) as services:
        now = clock.now()
        expires_at = None if in_days is None else now + in_days * clock.DAY
        command = ChangeKey(team, key_id, OPERATOR, now, expires_at=expires_at, sets_expiry=True)
        key = services.db.write_now(functools.partial(change_key, command=command))
        answer(_listed(key, now), as_json=as_json)


@app.command("rotate")
def rotate(  # noqa: PLR0917  # one parameter an option
    key_id: KeyArgument,
    team: TeamOption,
    keep_days: Annotated[int, typer.Option(min=0, max=90, help="How long the old secret goes on working.")] = OVERLAP
    // clock.DAY,
    end_old: Annotated[bool, typer.Option("--end-old", help="Make no secret; end the old one now.")] = False,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Give a key a new secret, shown only here; the old one goes on working for a while."""
    with opened(data, database) as services:
        now = clock.now()
        if end_old:
            end = EndRotation(team, key_id, OPERATOR, now)
            answer(_listed(services.db.write_now(functools.partial(end_rotation, command=end)), now), as_json=as_json)
            return
        secret = new_secret()
        at_rest = secret_at_rest(secret, key=services.settings.hash_key)
        command = RotateKey(team, key_id, at_rest, OPERATOR, now, keep_days * clock.DAY)
        key = services.db.write_now(functools.partial(rotate_key, command=command))
        answer({**_listed(key, now), "secret": secret}, as_json=as_json)


@app.command("delete")
def delete(
    key_id: KeyArgument,
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
    expiry = {} if key.expires_at is None else {"expires_at": clock.iso(key.expires_at)}
    if command.kind is KeyKind.PORTAL:
        return {"id": key.id, "name": key.name, "secret": secret, **expiry}
    if command.kind is KeyKind.API:
        return {"id": key.id, "token": secret, "scopes": list(command.scopes or ()), **expiry}
    return {"id": key.id, "api_key": secret, "client_id": owner.client_id, **expiry}


def _listed(key: KeyView, now: clock.Millis) -> dict[str, object]:
    return {
        "id": key.id,
        "kind": key.kind.value,
        "name": key.name,
        "networks": key.networks,
        "created_at": clock.iso(key.created_at),
        "expires_at": clock.iso_or_none(key.expires_at),
        "last_used_at": clock.iso_or_none(key.last_used_at),
        "secrets": [_secret(one) for one in key.secrets if one.ends_at is None or one.ends_at > now],
    }


def _secret(secret: SecretView) -> dict[str, object]:
    return {"prefix": secret.prefix, "ends_at": clock.iso_or_none(secret.ends_at)}
