"""Notices that a key is about to expire: 30, 7 and 1 days before, each once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Integer, select

from callfloor.access.key_views import KeyNotFound, key_by_id
from callfloor.access.tables import KeyKind, Role, access_key, access_key_notice, account, membership
from callfloor.foundation.clock import DAY, Millis, as_datetime
from callfloor.foundation.database import Tx, param, upsert
from callfloor.foundation.mail import Content, Mail, enqueue_mail
from callfloor.foundation.services import Services

KEY_EXPIRY_MAIL = "key_expiry"
DAYS_BEFORE = (1, 7, 30)
AT_ONCE = 200

_API = {
    KeyKind.PORTAL: "Portal API",
    KeyKind.CONVERSATIONS: "Conversations API",
    KeyKind.API: "Callfloor API",
}
_CONVERSATIONS_ADVICE = (
    "Rotate it before: it is given a new secret for another year, and the old one goes on working for a while."
)
_ADVICE = "If it is still needed, give it a later end before; or put another key in its place."

_k, _n = access_key.c, access_key_notice.c
_no_notice_since = ~(
    select(_n.key_id)
    .where(_n.team_id == _k.team_id, _n.key_id == _k.id, _n.expires_at == _k.expires_at)
    .where(_n.days_before <= param("days", Integer))
    .exists()
)
_due = (
    select(_k.team_id, _k.id, _k.expires_at, _k.made_by_account_id)
    .where(_k.expires_at > param("from_"), _k.expires_at <= param("until"), _no_notice_since)
    .order_by(_k.expires_at)
    .limit(param("count", Integer))
)
_noted = (
    upsert(access_key_notice)
    .values(
        team_id=param("team_id"),
        key_id=param("key_id"),
        expires_at=param("expires_at"),
        days_before=param("days"),
        at=param("at"),
    )
    .on_conflict_do_nothing()
    .returning(_n.key_id)
)
_told = (
    select(account.c.email)
    .join_from(membership, account, account.c.id == membership.c.account_id)
    .where(
        membership.c.team_id == param("team_id"),
        (membership.c.role == Role.ADMIN.value) | (membership.c.account_id == param("maker_id", _k.id.type)),
    )
    .order_by(account.c.id)
)


def enqueue_due_notices(tx: Tx, now: Millis) -> int:
    """Enqueue a mail to the key's maker and the team's administrators for each notice that is due.

    A key that was away from notices for long gets the nearest one alone.

    Returns:
        how many notices; call again until none is left.
    """
    notices = 0
    for days, days_less in zip(DAYS_BEFORE, (0, *DAYS_BEFORE), strict=False):
        window = {"from_": now + days_less * DAY, "until": now + days * DAY}
        for team_id, key_id, expires_at, maker_id in tx.all(_due, {**window, "days": days, "count": AT_ONCE}):
            this = {"team_id": team_id, "key_id": key_id, "expires_at": expires_at, "days": days, "at": now}
            if tx.one(_noted, this) is None:
                continue
            notices += 1
            args = {"key_id": key_id, "expires_at": expires_at}
            for (email,) in tx.all(_told, {"team_id": team_id, "maker_id": maker_id}):
                enqueue_mail(tx, Mail(email, KEY_EXPIRY_MAIL, args, team_id, now))
    return notices


def key_expiry_mail(services: Services, team_id: int | None, args: Mapping[str, Any]) -> Content | None:
    """Return the mail, or None when the key was given another end or deleted since."""
    if team_id is None:
        return None
    try:
        key = services.db.read_now(lambda tx: key_by_id(tx, team_id, args["key_id"]))
    except KeyNotFound:
        return None
    if key.expires_at is None or key.expires_at != args["expires_at"]:
        return None
    day = as_datetime(key.expires_at).strftime("%d %B %Y, %H:%M UTC").lstrip("0")
    return Content(
        subject=f"The key {key.name} expires on {day}",
        heading=f"The key {key.name} is about to expire",
        paragraphs=(
            f"The key {key.name} of the {_API[key.kind]} works until {day}. What uses it stops working then.",
            _ADVICE if key.kind is not KeyKind.CONVERSATIONS else _CONVERSATIONS_ADVICE,
        ),
        closing="You get this mail because you made the key, or are an administrator of its team.",
    )
