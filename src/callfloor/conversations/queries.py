"""Reads that lists of conversations need, one statement for each set of filters."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

from sqlalchemy import FromClause, Integer, Select, and_, func, or_, select

from callfloor.access.tables import account
from callfloor.conversations.counts import ALL_DOMAINS, counted_statement
from callfloor.conversations.search_words import Term
from callfloor.conversations.searching import ids_that_say
from callfloor.conversations.tables import (
    ConversationKind,
    conversation,
    conversation_domain,
    conversation_participant,
    recording,
)
from callfloor.foundation.clock import DAY, Millis
from callfloor.foundation.database import any_of, param

_c, _a, _d, _p, _r = conversation.c, account.c, conversation_domain.c, conversation_participant.c, recording.c

COLUMNS = (
    _c.id,
    _c.kind,
    _c.name,
    _c.date,
    _c.created_at,
    _c.updated_at,
    _c.duration_ms,
    _c.processing_status,
    _c.processing_reason,
    _c.direction,
    _c.caller,
    _c.callee,
    _c.external_call_id,
    _c.language,
    _c.recording_consent,
    _c.customer_domains,
    _c.metrics,
    _c.owner_account_id,
    _a.email,
    _a.first_name,
    _a.last_name,
    _a.created_at.label("owner_created_at"),
    _r.id.label("recording_id"),
    _c.outcome,
    _c.rating,
    _c.crm_reference,
    _c.comment_count,
)


def _with_belongings(source: FromClause) -> FromClause:
    own_recording = (_r.team_id == _c.team_id) & (_r.conversation_id == _c.id)
    return source.outerjoin(account, _a.id == _c.owner_account_id).outerjoin(recording, own_recording)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConversationFilter:
    """Which conversations of a team; None does not narrow, an instant bounds inclusively."""

    kind: ConversationKind
    is_external: bool | None = True
    date_from: Millis | None = None
    date_to: Millis | None = None
    updated_since: Millis | None = None
    domains: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    terms: tuple[Term, ...] = ()
    """What is said in them."""
    owner_account_id: int | None = None

    @property
    def shape(self) -> Shape:
        """Return which filters are present."""
        return Shape(
            # Only external conversations have a customer's domain, so that one filter says it.
            by_scope=self.is_external is not None and not (self.is_external and len(self.domains) == 1),
            from_date=self.date_from is not None,
            to_date=self.date_to is not None,
            by_update=self.updated_since is not None,
            by_one_domain=len(self.domains) == 1,
            by_domains=len(self.domains) > 1,
            by_id=bool(self.ids),
            by_words=bool(self.terms),
            by_owner=self.owner_account_id is not None,
        )

    @property
    def is_counted(self) -> bool:
        """Return whether the kept counts answer how many match: whole days, at most one domain, nothing else."""
        return (
            not self.ids
            and not self.terms
            and self.owner_account_id is None
            and self.updated_since is None
            and len(self.domains) <= 1
            and (self.date_from is None or self.date_from % DAY == 0)
            and (self.date_to is None or (self.date_to + 1) % DAY == 0)
        )

    @property
    def among(self) -> ConversationFilter:
        """Return the filter of all that this one, which looks for changes, chooses from; its count is kept."""
        return ConversationFilter(kind=self.kind, is_external=self.is_external)

    def count(self, team_id: int) -> tuple[Select[int], dict[str, Any]]:
        """Return the statement of the kept count, and its parameters."""
        params: dict[str, Any] = {
            "team_id": team_id,
            "kind": self.kind.value,
            "domain": self.domains[0] if self.domains else ALL_DOMAINS,
        }
        if self.is_external is not None:
            params["is_external"] = self.is_external
        if self.date_from is not None:
            params["from_day"] = self.date_from // DAY
        if self.date_to is not None:
            params["to_day"] = self.date_to // DAY
        statement = counted_statement(
            by_scope=self.is_external is not None,
            from_day=self.date_from is not None,
            to_day=self.date_to is not None,
        )
        return statement, params

    def params(self, team_id: int) -> dict[str, Any]:
        """Return the parameters of the statements of `shape`."""
        given = {
            "is_external": self.is_external if self.shape.by_scope else None,
            "date_from": self.date_from,
            "date_to": self.date_to,
            "updated_since": self.updated_since,
            "domain": self.domains[0] if len(self.domains) == 1 else None,
            "domains": list(self.domains) if len(self.domains) > 1 else None,
            "ids": list(self.ids) or None,
            "query": (team_id, self.terms) if self.terms else None,
            "owner": self.owner_account_id,
        }
        narrowing = {name: value for name, value in given.items() if value is not None}
        return {"team_id": team_id, "kind": self.kind.value, **narrowing}


@dataclasses.dataclass(frozen=True, slots=True)
class Shape:
    """Which filters a statement has."""

    by_scope: bool = False
    from_date: bool = False
    to_date: bool = False
    by_update: bool = False
    by_one_domain: bool = False
    by_domains: bool = False
    by_id: bool = False
    by_words: bool = False
    by_owner: bool = False

    @property
    def is_one_domain_alone(self) -> bool:
        """Return whether the index of a customer's domain, and nothing else, says which match."""
        others = self.by_scope, self.by_update, self.by_domains, self.by_id, self.by_words, self.by_owner
        return self.by_one_domain and not any(others)

    @property
    def looks_for_changes(self) -> bool:
        """Return whether what changed since an instant is the narrowest that is asked for."""
        others = self.by_one_domain, self.by_domains, self.by_id, self.by_words, self.by_owner
        return self.by_update and not any((*others, self.from_date, self.to_date))


@functools.cache
def page_statement(shape: Shape, *, ascending: bool, after: bool) -> Select[Any]:
    """Return a page of `COLUMNS` by date, then id; parameters of the shape, take, and skip or (after) date and id.

    The list is walked in its order until enough rows match.
    """
    # By one domain the domain's own index is in the order of the list, and tells all of what is stepped over.
    date: Any = _d.date if shape.by_one_domain else _c.date
    row_id: Any = _d.conversation_id if shape.by_one_domain else _c.id
    if shape.is_one_domain_alone:
        found = select(row_id.label("id"), date).where(*_conditions(shape))
        return _in_full(_window(found, date, row_id, ascending=ascending, after=after), ascending=ascending)
    whole = select(*COLUMNS).select_from(_with_belongings(_source(shape))).where(*_conditions(shape))
    return _window(whole, date, row_id, ascending=ascending, after=after)


@functools.cache
def changes_statement(*, by_scope: bool, ascending: bool, after: bool) -> Select[Any]:
    """Return what `page_statement` does, where few of many changed: they are gathered, then put in order."""
    changed = select(_c.id, _c.date).where(*_changed(by_scope=by_scope)).cte("changed").prefix_with("MATERIALIZED")
    date, row_id = changed.c.date, changed.c.id
    found = _window(select(row_id, date), date, row_id, ascending=ascending, after=after)
    return _in_full(found, ascending=ascending)


def _window(statement: Select[Any], date: Any, row_id: Any, *, ascending: bool, after: bool) -> Select[Any]:
    """Return a part of the list; parameters take, and skip or (after) after_date and after_id."""
    order = (date, row_id) if ascending else (date.desc(), row_id.desc())
    part = statement.order_by(*order).limit(param("take", Integer))
    if after:
        return part.where(*_beyond(date, row_id, ascending=ascending))
    return part.offset(param("skip", Integer))


def _in_full(page: Select[Any], *, ascending: bool) -> Select[Any]:
    """Return `COLUMNS` of a page of ids and dates, in its order."""
    found = page.subquery("found")
    own = (_c.team_id == param("team_id")) & (_c.id == found.c.id)
    order = (found.c.date, found.c.id) if ascending else (found.c.date.desc(), found.c.id.desc())
    return select(*COLUMNS).select_from(_with_belongings(found.join(conversation, own))).order_by(*order)


def _beyond(date: Any, row_id: Any, *, ascending: bool) -> tuple[Any, ...]:
    """Return the conditions of what comes after a place."""
    last, last_id = param("after_date"), param("after_id")
    if ascending:
        return date >= last, or_(date > last, and_(date == last, row_id > last_id))
    return date <= last, or_(date < last, and_(date == last, row_id < last_id))


@functools.cache
def count_statement(shape: Shape) -> Select[int]:
    """Return how many conversations match."""
    # Counting a column that no index holds keeps ids from being looked for in a whole index of the team.
    matches = func.count(_c.name) if shape.by_id else func.count()
    conditions = _changed(by_scope=shape.by_scope) if shape.looks_for_changes else _conditions(shape)
    return select(matches).select_from(_source(shape)).where(*conditions)


ONE = (
    select(*COLUMNS)
    .select_from(_with_belongings(conversation))
    .where(_c.team_id == param("team_id"), _c.kind == param("kind"), _c.id == param("id"))
)
OWN_ONE = ONE.where(_c.owner_account_id == param("owner"))
"""As `ONE`, if it belongs to the `owner`."""

PARTICIPANTS = (
    select(_p.conversation_id, _p.id, _p.name, _p.email, _p.is_internal, _p.speak_permille)
    .where(_p.team_id == param("team_id"), any_of(_p.conversation_id, "ids"))
    .order_by(_p.conversation_id, _p.position)
)


def _source(shape: Shape) -> FromClause:
    if not shape.by_one_domain:
        return conversation
    return conversation_domain.join(conversation, (_c.team_id == _d.team_id) & (_c.id == _d.conversation_id))


def _conditions(shape: Shape) -> list[Any]:
    date = _d.date if shape.by_one_domain else _c.date
    # A few ids are looked up by the key: an index that begins with the kind would be walked to its end.
    kind = func.coalesce(_c.kind, "") if shape.by_id else _c.kind
    conditions = [_c.team_id == param("team_id"), kind == param("kind")]
    if shape.by_one_domain:
        conditions = [_d.team_id == param("team_id"), _d.kind == param("kind"), _d.domain == param("domain")]
    if shape.by_scope:
        conditions.append(_c.is_external == param("is_external"))
    if shape.from_date:
        conditions.append(date >= param("date_from"))
    if shape.to_date:
        conditions.append(date <= param("date_to"))
    if shape.by_update:
        # The list is walked, or narrowed otherwise: not by the index of changes, which is in no order of a list.
        conditions.append(func.coalesce(_c.updated_at, 0) >= param("updated_since"))
    if shape.by_id:
        conditions.append(any_of(_c.id, "ids"))
    if shape.by_words:
        conditions.append(_c.id.in_(ids_that_say()))
    if shape.by_owner:
        conditions.append(_c.owner_account_id == param("owner"))
    if shape.by_domains:
        conditions.append(_c.id.in_(_with_domain(shape)))
    return conditions


def _changed(*, by_scope: bool) -> list[Any]:
    """Return the conditions of what changed, as its own index serves them and no other."""
    conditions = [_c.team_id == param("team_id"), _c.kind == param("kind"), _c.updated_at >= param("updated_since")]
    return [*conditions, func.coalesce(_c.is_external, False) == param("is_external")] if by_scope else conditions


def _with_domain(shape: Shape) -> Select[str]:
    statement = select(_d.conversation_id).where(
        _d.team_id == param("team_id"), _d.kind == param("kind"), any_of(_d.domain, "domains")
    )
    if shape.from_date:
        statement = statement.where(_d.date >= param("date_from"))
    if shape.to_date:
        statement = statement.where(_d.date <= param("date_to"))
    return statement
