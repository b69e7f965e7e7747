"""Query parameters of the lists, checked all at once."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Collection, Sequence
from typing import Annotated, TypeVar

import msgspec

from callfloor.conversations.listing import Place, Window
from callfloor.conversations.queries import ConversationFilter
from callfloor.conversations.search_words import SearchQueryInvalid, Term, parse_query
from callfloor.conversations.tables import ConversationKind
from callfloor.conversations_api.instants import instant, last_instant
from callfloor.conversations_api.refusals import bad_request
from callfloor.conversations_api.wire import Expand, Order, Query, Scope

DEFAULT_PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_REPEATS = 100
MAX_PAGE = 999_999_999
_MAX_LENGTH = 255
_CHOSEN = frozenset((Query.SCOPES, Query.EXPAND))
"""Lists of known words, however long."""

T = TypeVar("T")
Choice = TypeVar("Choice", Scope, Expand)
Pairs = Sequence[tuple[str, str]]


@dataclasses.dataclass(frozen=True, slots=True)
class ListRequest:
    """What a list was asked for."""

    which: ConversationFilter
    window: Window
    page: int
    expand: frozenset[Expand]


class _CursorContent(msgspec.Struct, array_like=True, frozen=True):
    order: Order
    page: int
    date: int
    id: Annotated[str, msgspec.Meta(pattern="^[0-9a-f-]{36}$")]


class _Reading:
    """Takes parameters one by one and gathers what is wrong with them."""

    def __init__(self, pairs: Pairs, known: Collection[str]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)
        self.problems = [f"{name}: is not a parameter of this list" for name in self._values if name not in known]
        for name, values in self._values.items():
            if name not in _CHOSEN and any("\x00" in value or len(value) > _MAX_LENGTH for value in values):
                self.problems.append(f"{name}: must have at most {_MAX_LENGTH} characters, none of them NUL")
                self._values[name] = []

    def one(self, name: str, parse: Callable[[str], T], default: T) -> T:
        values = self._values.get(name) or []
        if len(values) > 1:
            self.problems.append(f"{name}: may be given once")
        return self._parsed(name, values[0], parse, default) if values else default

    def many(self, name: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        values = self._values.get(name) or []
        if len(values) > MAX_REPEATS:
            self.problems.append(f"{name}: may be given at most {MAX_REPEATS} times")
            return ()
        parsed = (self._parsed(name, value, parse, None) for value in values)
        return tuple(dict.fromkeys(value for value in parsed if value is not None))

    def is_given(self, name: str) -> bool:
        return bool(self._values.get(name))

    def _parsed(self, name: str, value: str, parse: Callable[[str], T], default: T) -> T:
        try:
            return parse(value)
        except ValueError as error:
            self.problems.append(f"{name}: {error}")
            return default


def list_request(kind: ConversationKind, pairs: Pairs) -> ListRequest:
    """Return what the query asks for.

    Raises:
        Refused: 400 with every unknown or malformed parameter named.
    """
    read = _Reading(pairs, frozenset(Query))
    order = read.one(Query.ORDER, _order, Order.DESCENDING)
    page = read.one(Query.PAGE, _number(0, MAX_PAGE), 0)
    size = read.one(Query.PAGE_SIZE, _number(1, MAX_PAGE_SIZE), DEFAULT_PAGE_SIZE)
    scopes = frozenset[Scope]().union(*read.many(Query.SCOPES, _choices(Scope))) or {Scope.EXTERNAL}
    which = ConversationFilter(
        kind=kind,
        is_external=None if len(scopes) > 1 else Scope.EXTERNAL in scopes,
        date_from=read.one(Query.START, instant, None),
        date_to=read.one(Query.END, last_instant, None),
        updated_since=read.one(Query.UPDATED_SINCE, instant, None),
        domains=read.many(Query.DOMAIN, _domain),
        ids=read.many(Query.ID, _not_empty),
        terms=read.one(Query.WORDS, _terms, ()),
    )
    expand = frozenset[Expand]().union(*read.many(Query.EXPAND, _choices(Expand)))
    after = read.one(Query.CURSOR, _cursor(order), None)
    if after is not None and read.is_given(Query.PAGE):
        read.problems.append(f"{Query.PAGE}: cannot be combined with {Query.CURSOR}")
    if read.problems:
        raise bad_request(*read.problems)
    skip = 0 if after else page * size
    place = Place(after.date, after.id) if after else None
    window = Window(take=size, skip=skip, after=place, ascending=order is Order.ASCENDING)
    return ListRequest(which, window, after.page if after else page, expand)


def expansion(pairs: Pairs) -> frozenset[Expand]:
    """Return what a single record is to be expanded by. Raises as `list_request`."""
    read = _Reading(pairs, {Query.EXPAND})
    expand = frozenset[Expand]().union(*read.many(Query.EXPAND, _choices(Expand)))
    if read.problems:
        raise bad_request(*read.problems)
    return expand


def next_cursor(asked: ListRequest, last: Place) -> str:
    """Return the cursor of the page after the place."""
    order = Order.ASCENDING if asked.window.ascending else Order.DESCENDING
    content = _CursorContent(order, asked.page + 1, last.date, last.id)
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode().rstrip("=")


def _cursor(order: Order) -> Callable[[str], _CursorContent | None]:
    def parse(text: str) -> _CursorContent:
        try:
            content = msgspec.json.decode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=_CursorContent)
        except (ValueError, msgspec.MsgspecError):
            raise ValueError("is not one of this list; take it from the Link header") from None
        if content.order is not order or abs(content.date) >= 2**53 or content.page not in range(MAX_PAGE):
            raise ValueError(f"belongs to another {Query.ORDER}")
        return content

    return parse


def _number(lowest: int, highest: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and lowest <= int(text) <= highest):
            raise ValueError(f"must be a whole number from {lowest} to {highest}")
        return int(text)

    return parse


def _order(text: str) -> Order:
    if text not in list(Order):
        raise ValueError(f"must be {' or '.join(Order)}")
    return Order(text)


def _choices(kind: type[Choice]) -> Callable[[str], frozenset[Choice]]:
    def parse(text: str) -> frozenset[Choice]:
        names = [name.strip() for name in text.split(",")]
        if not all(name in list(kind) for name in names):
            raise ValueError(f"must be a comma-separated list of {', '.join(kind)}")
        return frozenset(kind(name) for name in names)

    return parse


def _domain(text: str) -> str:
    domain = text.strip().lower().removeprefix("@")
    if not domain or any(c.isspace() or c in "@/" for c in domain):
        raise ValueError("must be an e-mail domain such as customer.example")
    return domain


def _terms(text: str) -> tuple[Term, ...]:
    try:
        return parse_query(text)
    except SearchQueryInvalid as error:
        raise ValueError(f"{error.problem} (at character {error.position + 1})") from None


def _not_empty(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text
