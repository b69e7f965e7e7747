"""People who took part, known by an e-mail address or a telephone number, whoever wrote it how."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable, Iterator

from sqlalchemy import select

from callfloor.access.accounts import email_key
from callfloor.conversations.stewardship_tables import conversation_person
from callfloor.foundation.database import Tx, param, upsert

EMAIL, NUMBER = "email", "number"

_NUMBER = re.compile(r"\+?[0-9]{3,}")
_p = conversation_person.c
_add = (
    upsert(conversation_person)
    .values(team_id=param("team_id"), person_key=param("person_key"), conversation_id=param("conversation_id"))
    .on_conflict_do_nothing()
)
_of_person = (
    select(_p.conversation_id)
    .where(_p.team_id == param("team_id"), _p.person_key == param("person_key"))
    .order_by(_p.conversation_id)
)


def person_key(text: str) -> str | None:
    """Return the form in which addresses and numbers are compared, or None for what is neither.

    Of a number only its digits count, without the zeros or the plus of an international prefix and without `(0)`:
    `+49 (0)30 12-34` and `0049301234` are one. An address may stand behind `sip:` or `mailto:`.
    """
    plain = _without_scheme(text)
    return f"{EMAIL}:{email_key(plain)}" if "@" in plain else _number_key(plain)


def person_keys(text: str) -> set[str]:
    """Return every form by which a caller or callee may be looked for: a number's SIP address is that number, too."""
    plain = _without_scheme(text)
    user, at, _ = plain.partition("@")
    found = {person_key(text), _number_key(user) if at and _NUMBER.fullmatch(user) else None}
    return {key for key in found if key is not None}


def _without_scheme(text: str) -> str:
    plain = text.strip().casefold()
    for scheme in ("sips:", "sip:", "mailto:", "tel:"):
        plain = plain.removeprefix(scheme)
    return plain


def _number_key(plain: str) -> str | None:
    digits = "".join(c for c in plain.replace("(0)", "") if c.isascii() and c.isdigit())
    digits = digits.removeprefix("00") if not plain.startswith("+") else digits
    return f"{NUMBER}:{digits}" if digits else None


def person_digest(key: str, *, hash_key: bytes) -> bytes:
    """Return the keyed hash by which a receipt knows a person."""
    return hmac.digest(hash_key, f"erased person {key}".encode(), "sha256")


def keys_of_persons(emails: Iterable[str | None], lines: Iterable[str | None]) -> Iterator[str]:
    """Yield the keys of who took part: participants' e-mail addresses, and the caller's and callee's lines."""
    yield from (key for email in emails if (key := person_key(email or "")) is not None)
    for text in lines:
        yield from person_keys(text or "")


def keep_persons(tx: Tx, team_id: int, conversation_id: str, keys: Iterable[str]) -> None:
    """Write down who took part in a new conversation."""
    own = {"team_id": team_id, "conversation_id": conversation_id}
    tx.run(_add, [{**own, "person_key": key} for key in sorted(set(keys))])


def conversations_of_person(tx: Tx, team_id: int, key: str) -> list[str]:
    """Return the ids of the conversations in which the person took part."""
    return [row[0] for row in tx.all(_of_person, {"team_id": team_id, "person_key": key})]
