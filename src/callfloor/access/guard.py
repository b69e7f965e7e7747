"""The guard of every route of the Callfloor API: who calls, for which team, with which scopes."""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Iterable
from http.cookies import SimpleCookie
from typing import Any

from fastapi import Depends
from fastapi.requests import Request
from sqlalchemy import Select, select

from callfloor.access.audit import Actor
from callfloor.access.networks import is_within
from callfloor.access.scopes import SCOPES_OF_ROLE, Scope
from callfloor.access.secrets import keyed_hash
from callfloor.access.sessions import csrf_token
from callfloor.access.tables import KeyKind, Role, access_key, access_key_secret, account, membership, session
from callfloor.foundation.clock import Millis
from callfloor.foundation.database import Database, any_of, param
from callfloor.foundation.errors import DomainError
from callfloor.foundation.rate_limit import Api
from callfloor.foundation.web import CALLER, Facts, RequestFacts

SESSION_COOKIE = "__Host-callfloor"
CSRF_HEADER = "x-csrf-token"
_ASKED_AT_ONCE = 200
"""Sign-ins looked at by one read in the loop."""
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def _keys() -> Select[*tuple[Any, ...]]:
    return (
        select(
            access_key.c.team_id,
            access_key.c.id,
            access_key.c.name,
            access_key.c.scopes,
            access_key.c.networks,
            access_key.c.made_by_account_id,
        )
        .join_from(
            access_key_secret,
            access_key,
            (access_key.c.team_id == access_key_secret.c.team_id) & (access_key.c.id == access_key_secret.c.key_id),
        )
        .where(
            access_key.c.kind == KeyKind.API.value,
            (access_key_secret.c.ends_at > param("now")) | access_key_secret.c.ends_at.is_(None),
            (access_key.c.expires_at > param("now")) | access_key.c.expires_at.is_(None),
        )
    )


_by_secret = _keys().where(access_key_secret.c.secret_hash == param("secret_hash"))
_by_secrets = (
    _keys().add_columns(access_key_secret.c.secret_hash).where(any_of(access_key_secret.c.secret_hash, "secret_hashes"))
)


def _sessions() -> Select[*tuple[Any, ...]]:
    return (
        select(account.c.id, account.c.email, session.c.team_id, membership.c.role)
        .join_from(session, account, account.c.id == session.c.account_id)
        .join(
            membership,
            (membership.c.team_id == session.c.team_id) & (membership.c.account_id == session.c.account_id),
        )
        .where(session.c.expires_at > param("now"))
    )


_by_token = _sessions().where(session.c.token_hash == param("token_hash"))
_by_tokens = _sessions().add_columns(session.c.token_hash).where(any_of(session.c.token_hash, "token_hashes"))


class NotSignedIn(DomainError):
    """No session and no key, or one that is not valid any more."""

    code = "not_signed_in"
    status = 401


class NotAllowed(DomainError):
    """The caller is known, and may not do this."""

    code = "forbidden"
    status = 403


class TooManyRequests(DomainError):
    """One key, one person or one device asks too often."""

    code = "too_many_requests"
    status = 429

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"too many requests; wait {retry_after_seconds} seconds")
        self.retry_after_seconds = retry_after_seconds


class CsrfRefused(DomainError):
    """A change by session without the session's CSRF token."""

    code = "csrf_token_invalid"
    status = 403


@dataclasses.dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what they may do in the one team the call is about."""

    kind: str
    """`account` or `api_key`."""
    id: int
    name: str
    team_id: int
    scopes: frozenset[str]
    account_id: int | None
    """The person, or the maker of the key."""
    only_account_id: int | None = None
    """Whose own conversations are all that the caller may meet; None: those of everybody."""

    def actor(self, facts: RequestFacts) -> Actor:
        """Return the caller as the actor of an audit entry."""
        return Actor(self.kind, str(self.id), self.name, facts.request_id, facts.address)


@dataclasses.dataclass(frozen=True, slots=True)
class SignedIn:
    """A living session."""

    account_id: int
    email: str
    team_id: int
    role: Role


def session_token(request: Request) -> str | None:
    """Return the token in the session's cookie."""
    cookies: SimpleCookie = SimpleCookie(request.headers.get("cookie", ""))
    morsel = cookies.get(SESSION_COOKIE)
    return morsel.value if morsel is not None else None


async def caller_of(request: Request, facts: Facts) -> Caller:
    """Return who calls: by bearer key, or by session cookie.

    Raises:
        NotSignedIn: neither, or not a valid one.
        TooManyRequests: the key or the person asks too often.
        CsrfRefused: a change by session without its CSRF token.
    """
    found = request.scope.get(CALLER)
    if isinstance(found, Caller):
        return found
    header = request.headers.get("authorization")
    if header is not None:
        return await _by_key(request, header, facts)
    return await _by_session(request, facts)


async def person_of(caller: Caller = Depends(caller_of)) -> Caller:
    """Return the person who is signed in.

    Raises:
        NotSignedIn: a key calls.
    """
    if caller.kind != "account":
        raise NotSignedIn("this is for people who are signed in; a key is nobody")
    return caller


class ScopeGuard:
    """Lets callers past who have the scope; `of_everybody`, not those who meet only their own."""

    def __init__(self, scope: Scope, *, of_everybody: bool = False) -> None:
        self.scope = scope
        self.of_everybody = of_everybody

    async def __call__(self, caller: Caller = Depends(caller_of)) -> Caller:
        """Return the caller.

        Raises:
            NotAllowed: they do not have the scope.
        """
        if self.scope.value not in caller.scopes:
            raise NotAllowed(f"this needs the scope {self.scope.value}")
        if self.of_everybody and caller.only_account_id is not None:
            raise NotAllowed("this is about everybody's conversations, and yours are all that you may meet")
        return caller


def needs(scope: Scope, *, of_everybody: bool = False) -> Any:
    """Return the dependency of a route that only callers with this scope may call.

    Args:
        scope: what they need.
        of_everybody: people who may meet only their own conversations may not.
    """
    return Depends(ScopeGuard(scope, of_everybody=of_everybody))


@dataclasses.dataclass(frozen=True, slots=True)
class SignIn:
    """By what a caller signed in, to be looked at again while an answer goes on for long."""

    is_key: bool
    secret_hash: bytes
    address: str


def sign_in_of(request: Request, facts: RequestFacts) -> SignIn:
    """Return by what the caller of a guarded route signed in."""
    header = request.headers.get("authorization")
    secret = header.partition(" ")[2].strip() if header is not None else session_token(request) or ""
    return SignIn(header is not None, keyed_hash(secret, key=facts.services.settings.hash_key), facts.address)


async def callers_of(db: Database, sign_ins: Iterable[SignIn], *, now: Millis) -> dict[SignIn, Caller]:
    """Return what each of them may at this moment; whose key or session has ended is left out."""
    asked = list(sign_ins)
    found: dict[SignIn, Caller] = {}
    for begin in range(0, len(asked), _ASKED_AT_ONCE):
        part = asked[begin : begin + _ASKED_AT_ONCE]
        by_key, by_token = await _rows_by_key(db, part, now), await _rows_by_token(db, part, now)
        for one in part:
            row = (by_key if one.is_key else by_token).get(one.secret_hash)
            caller = None if row is None else _key(row, one.address) if one.is_key else _person(_signed_in_as(row))
            if caller is not None:
                found[one] = caller
    return found


async def _rows_by_key(db: Database, asked: Iterable[SignIn], now: Millis) -> dict[bytes, tuple[Any, ...]]:
    hashes = [one.secret_hash for one in asked if one.is_key]
    rows = await db.read(_by_secrets, {"secret_hashes": hashes, "now": now}) if hashes else []
    return {row[-1]: row[:-1] for row in rows}


async def _rows_by_token(db: Database, asked: Iterable[SignIn], now: Millis) -> dict[bytes, tuple[Any, ...]]:
    hashes = [one.secret_hash for one in asked if not one.is_key]
    rows = await db.read(_by_tokens, {"token_hashes": hashes, "now": now}) if hashes else []
    return {row[-1]: row[:-1] for row in rows}


async def _by_key(request: Request, header: str, facts: RequestFacts) -> Caller:
    kind, _, token = header.partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise NotSignedIn("send the key as: Authorization: Bearer KEY")
    caller = await _key_caller(header, facts)
    if caller is None:
        raise NotSignedIn("this key is not known here, or it has expired")
    await count_request(request, facts, Api.CALLFLOOR, f"team {caller.team_id} key {caller.id}")
    facts.services.key_uses.note((caller.team_id, caller.id), facts.now)
    return caller


async def _key_caller(header: str, facts: RequestFacts) -> Caller | None:
    hashed = keyed_hash(header.partition(" ")[2].strip(), key=facts.services.settings.hash_key)
    rows = await facts.services.db.read(_by_secret, {"secret_hash": hashed, "now": facts.now})
    return _key(rows[0], facts.address) if rows else None


def _key(row: tuple[Any, ...], address: str) -> Caller | None:
    team_id, key_id, name, scopes, networks, maker = row
    if networks is not None and not is_within(address, networks):
        return None
    return Caller("api_key", key_id, name, team_id, frozenset(scopes or ()), maker)


async def count_request(request: Request, facts: RequestFacts, api: Api, client: str) -> None:
    """Count one request of a client; what is left of its limit is told with the answer.

    Raises:
        TooManyRequests: it asks too often.
    """
    limit = facts.services.limits[api]
    verdict = await limit.taken(client, facts.now)
    request.scope["callfloor.limit"] = (limit.limit, verdict)
    if not verdict.allowed:
        raise TooManyRequests(verdict.reset_seconds)


async def count_try(facts: RequestFacts, api: Api, client: str) -> None:
    """Count one try at what could be guessed.

    Raises:
        TooManyRequests: the client tries too often.
    """
    verdict = await facts.services.limits[api].taken(client, facts.now)
    if not verdict.allowed:
        raise TooManyRequests(verdict.reset_seconds)


async def _by_session(request: Request, facts: RequestFacts) -> Caller:
    token = session_token(request)
    hash_key = facts.services.settings.hash_key
    found = None if token is None else await _signed_in(facts.services.db, token, hash_key=hash_key, now=facts.now)
    if token is None or found is None:
        raise NotSignedIn("sign in first, or send a key as: Authorization: Bearer KEY")
    await count_request(request, facts, Api.CALLFLOOR, f"account {found.account_id}")
    if request.method not in _SAFE_METHODS:
        given = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(given.encode(), csrf_token(token, hash_key=hash_key).encode()):
            raise CsrfRefused(f"send the session's csrf_token in the header {CSRF_HEADER}")
    return _person(found)


def _person(found: SignedIn) -> Caller:
    scopes = frozenset(scope.value for scope in SCOPES_OF_ROLE[found.role])
    only = found.account_id if found.role is Role.USER else None
    return Caller("account", found.account_id, found.email, found.team_id, scopes, found.account_id, only)


async def _signed_in(db: Database, token: str, *, hash_key: bytes, now: Millis) -> SignedIn | None:
    """Return whose living session the token stands for, with the role they have at this moment."""
    rows = await db.read(_by_token, {"token_hash": keyed_hash(token, key=hash_key), "now": now})
    return _signed_in_as(rows[0]) if rows else None


def _signed_in_as(row: tuple[Any, ...]) -> SignedIn:
    account_id, email, team_id, role = row
    return SignedIn(account_id, email, team_id, Role(role))
