"""`/api/v2/keys`: the keys of the team; a secret is shown once, when it is made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import Response

from callfloor.access.guard import Caller, NotAllowed, needs
from callfloor.access.key_secrets import secret_at_rest
from callfloor.access.key_views import KeyView, key_by_id, page_of_keys
from callfloor.access.keys import ChangeKey, CreateKey, DeleteKey, change_key, create_key, delete_key
from callfloor.access.rotation import EndRotation, RotateKey, end_rotation, rotate_key
from callfloor.access.scopes import Scope
from callfloor.access.tables import KeyKind
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Tx
from callfloor.foundation.errors import invalid
from callfloor.foundation.fields import ID_LIMIT
from callfloor.foundation.ids import new_secret
from callfloor.foundation.web import Cursor, Facts, IfMatch, Limit, RequestFacts, check_match, cursor_after, position_of
from callfloor.teams.key_shapes import (
    Key,
    KeyChange,
    KeyCreation,
    KeyRotation,
    Keys,
    KeyWithSecret,
    key_shown,
    tag_of,
    tagged_part,
)
from callfloor.teams.teams import team_by_id

router = APIRouter(prefix="/keys", tags=["Keys"])

KeyId = Annotated[int, Path(ge=1, le=ID_LIMIT)]
Reader = Annotated[Caller, needs(Scope.KEYS_READ)]
Writer = Annotated[Caller, needs(Scope.KEYS_WRITE)]


@router.get("", operation_id="list_keys")
async def list_keys(facts: Facts, caller: Reader, cursor: Cursor = None, limit: Limit = 50) -> Keys:
    """List the team's keys."""
    (after,) = position_of(cursor, int) or (0,)
    read = functools.partial(page_of_keys, team_id=caller.team_id, after=after, count=limit + 1)
    keys = await facts.services.db.report(read)
    page = [key_shown(key, now=facts.now) for key in keys[:limit]]
    return Keys(data=page, next_cursor=cursor_after(page[-1].id) if len(keys) > limit else None)


@router.post("", operation_id="create_key", status_code=201)
async def add_key(body: KeyCreation, facts: Facts, caller: Writer, response: Response) -> KeyWithSecret:
    """Make a key; one made by a key has none of the rights of the Callfloor API that its maker lacks."""
    secret = new_secret()
    create = functools.partial(_create, body=body, caller=caller, facts=facts, secret=secret)
    made = await facts.services.db.write(create)
    response.headers["Location"] = f"/api/v2/keys/{made.key.id}"
    return _tagged(made, response)


@router.get("/{key_id}", operation_id="show_key")
async def show_key(key_id: KeyId, facts: Facts, caller: Reader, response: Response) -> Key:
    """Show one key."""
    read = functools.partial(key_by_id, team_id=caller.team_id, key_id=key_id)
    key = key_shown(await facts.services.db.report(read), now=facts.now)
    response.headers["ETag"] = tag_of(key)
    return key


@router.patch("/{key_id}", operation_id="change_key")
async def change(
    key_id: KeyId, body: KeyChange, facts: Facts, caller: Writer, response: Response, if_match: IfMatch = None
) -> Key:
    """Rename a key, bind it to networks, or let it expire; of a Portal key's names only the new one works at once."""
    command = ChangeKey(
        caller.team_id,
        key_id,
        caller.actor(facts),
        facts.now,
        body.name,
        networks=tuple(body.networks or ()),
        sets_networks="networks" in body.model_fields_set,
        expires_at=_end(body.expires_in_days, facts),
        sets_expiry="expires_in_days" in body.model_fields_set,
    )
    changed = await _matched(functools.partial(change_key, command=command), key_id, facts, caller, if_match)
    key = key_shown(changed, now=facts.now)
    response.headers["ETag"] = tag_of(key)
    return key


@router.post("/{key_id}/rotation", operation_id="rotate_key", status_code=201)
async def rotate(
    key_id: KeyId, body: KeyRotation, facts: Facts, caller: Writer, response: Response, if_match: IfMatch = None
) -> KeyWithSecret:
    """Give a key a new secret; the old one goes on working for `keep_days`. A Conversations key's year begins anew."""
    secret = new_secret()
    at_rest = secret_at_rest(secret, key=facts.services.settings.hash_key)
    overlap = body.keep_days * DAY
    command = RotateKey(caller.team_id, key_id, at_rest, caller.actor(facts), facts.now, overlap)
    verb = functools.partial(_rotate, command=command, caller=caller, facts=facts, secret=secret)
    return _tagged(await _matched(verb, key_id, facts, caller, if_match), response)


@router.delete("/{key_id}/rotation", operation_id="end_key_rotation")
async def end_key_rotation(key_id: KeyId, facts: Facts, caller: Writer, response: Response) -> Key:
    """End the old secret of a key now."""
    command = EndRotation(caller.team_id, key_id, caller.actor(facts), facts.now)
    key = key_shown(await facts.services.db.write(functools.partial(end_rotation, command=command)), now=facts.now)
    response.headers["ETag"] = tag_of(key)
    return key


@router.delete("/{key_id}", operation_id="delete_key", status_code=204)
async def remove_key(key_id: KeyId, facts: Facts, caller: Writer, if_match: IfMatch = None) -> None:
    """Delete a key; it stops working at once."""
    command = DeleteKey(caller.team_id, key_id, caller.actor(facts), facts.now)
    await _matched(functools.partial(delete_key, command=command), key_id, facts, caller, if_match)


def _create(tx: Tx, body: KeyCreation, caller: Caller, facts: RequestFacts, secret: str) -> KeyWithSecret:
    at_rest = secret_at_rest(secret, key=facts.services.settings.hash_key)
    command = CreateKey(
        team_id=caller.team_id,
        kind=body.kind,
        name=body.name,
        secret_hash=at_rest.hash,
        prefix=at_rest.prefix,
        actor=caller.actor(facts),
        now=facts.now,
        made_by_account_id=caller.account_id,
        scopes=_scopes_of(body, caller),
        networks=tuple(body.networks or ()),
        expires_at=_end(body.expires_in_days, facts),
    )
    made = create_key(tx, command)
    return _with_secret(tx, key_by_id(tx, caller.team_id, made.id), facts, secret, caller.team_id)


def _end(days: int | None, facts: RequestFacts) -> int | None:
    return None if days is None else facts.now + days * DAY


def _scopes_of(body: KeyCreation, caller: Caller) -> tuple[str, ...] | None:
    if body.kind is not KeyKind.API:
        if body.scopes is not None:
            raise invalid("scopes", "only a key of the Callfloor API (kind api) has scopes")
        return None
    scopes = tuple(scope.value for scope in Scope if scope.value in caller.scopes and scope in (body.scopes or Scope))
    if not set(body.scopes or ()) <= set(scopes):
        raise NotAllowed("a key is given no scope that its maker does not have")
    return scopes


def _rotate(tx: Tx, command: RotateKey, caller: Caller, facts: RequestFacts, secret: str) -> KeyWithSecret:
    if not set(key_by_id(tx, command.team_id, command.key_id).scopes or ()) <= caller.scopes:
        raise NotAllowed("this key has scopes that you do not have: its secret is not yours to see")
    return _with_secret(tx, rotate_key(tx, command), facts, secret, command.team_id)


async def _matched(
    verb: Callable[[Tx], Any], key_id: int, facts: RequestFacts, caller: Caller, if_match: str | None
) -> Any:
    """Run the verb if the key is still as the caller knows it."""

    def checked(tx: Tx) -> Any:
        if if_match is not None:
            check_match(if_match, tagged_part(key_shown(key_by_id(tx, caller.team_id, key_id), now=facts.now)))
        return verb(tx)

    return await facts.services.db.write(checked)


def _with_secret(tx: Tx, key: KeyView, facts: RequestFacts, secret: str, team_id: int) -> KeyWithSecret:
    client_id = team_by_id(tx, team_id).client_id if key.kind is KeyKind.CONVERSATIONS else None
    return KeyWithSecret(key=key_shown(key, now=facts.now), secret=secret, client_id=client_id)


def _tagged(made: KeyWithSecret, response: Response) -> KeyWithSecret:
    response.headers["ETag"] = tag_of(made.key)
    return made
