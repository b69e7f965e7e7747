"""Words of a text as the full-text index knows them, and the language in which they are looked for.

Both databases get the same words, made here: case folded, accents and apostrophes away, split at everything else. A
script without spaces between words is split into its characters, which are then looked for side by side.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Dialect, Text
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeDecorator

from callfloor.foundation.errors import DomainError

MAX_QUERY_LENGTH = 200
MAX_TERMS = 16
SHORTEST_PREFIX = 2
_WORD_LENGTH = 100
_APOSTROPHES = frozenset("'`\u2019\u02bc")
_ASCII_WORD = re.compile(r"[a-z0-9][a-z0-9'`]*")
_CHARACTERS_KEPT = 65_536
_UNSPACED = ("CJK UNIFIED", "HIRAGANA", "KATAKANA", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR")


@dataclasses.dataclass(frozen=True, slots=True)
class Term:
    """Words that stand side by side; of a prefix the last one may go on."""

    words: tuple[str, ...]
    is_prefix: bool = False
    is_excluded: bool = False


class SearchQueryInvalid(DomainError):
    """What is looked for cannot be understood; `position` counts characters from 0."""

    code = "search_query_invalid"
    status = 422

    def __init__(self, problem: str, position: int) -> None:
        super().__init__(f"q: {problem} (at character {position + 1})")
        self.problem = problem
        self.position = position


def words_of(text: str) -> list[str]:
    """Return the words of a text in their order."""
    return _ascii_words(text.lower()) if text.isascii() else [word for word, _, _ in _any_words(text)]


def _placed_words(text: str) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the words of a text, and where each stands: its first character, and the one after its last."""
    if text.isascii():
        lower = text.lower()
        return _ascii_words(lower), [match.span() for match in _ASCII_WORD.finditer(lower)]
    words = list(_any_words(text))
    return [word for word, _, _ in words], [(start, end) for _, start, end in words]


def _ascii_words(lower: str) -> list[str]:
    """Return the words that `_any_words` would find, at a fraction of its cost."""
    words: list[str] = _ASCII_WORD.findall(lower)
    if "'" in lower or "`" in lower:
        words = [word.replace("'", "").replace("`", "") for word in words]
    return words if len(lower) <= _WORD_LENGTH else [word[:_WORD_LENGTH] for word in words]


def _any_words(text: str) -> Iterator[tuple[str, int, int]]:
    begun, folded = 0, ""
    for at, character in enumerate(text):
        plain, stands_alone = _letter(character)
        if plain and not stands_alone:
            if not folded:
                begun = at
            folded += plain
            continue
        if folded and (character in _APOSTROPHES or unicodedata.combining(character)):
            continue
        if folded:
            yield folded[:_WORD_LENGTH], begun, at
            folded = ""
        if plain:
            yield plain, at, at + 1
    if folded:
        yield folded[:_WORD_LENGTH], begun, len(text)


def parse_query(text: str) -> tuple[Term, ...]:
    """Return the terms of a query: words, "phrases", pref*, and -excluded ones; all of them must be met.

    Raises:
        SearchQueryInvalid: it holds no word, only exclusions, an open quotation, too much, or too short a prefix.
    """
    if len(text) > MAX_QUERY_LENGTH:
        raise SearchQueryInvalid(f"must have at most {MAX_QUERY_LENGTH} characters", MAX_QUERY_LENGTH)
    terms = [term for part, at in _parts(text) if (term := _term(part, at)) is not None]
    if len(terms) > MAX_TERMS:
        raise SearchQueryInvalid(f"must have at most {MAX_TERMS} words or phrases", len(text))
    if all(term.is_excluded for term in terms):
        wanted = "at least one word that is not excluded" if terms else "at least one word"
        raise SearchQueryInvalid(f"must have {wanted}", 0)
    return tuple(terms)


def hits(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where in a text its words meet the terms, as start and end of each, in order and without overlap."""
    words, places = _placed_words(text)
    found: list[tuple[int, int]] = []
    for term in terms:
        if term.is_excluded:
            continue
        first, count = term.words[0], len(term.words)
        if count == 1 and not term.is_prefix:
            found += [place for place, word in zip(places, words, strict=True) if word == first]
            continue
        begins = [at for at, word in enumerate(words) if word.startswith(first)]
        found += [(places[at][0], places[at + count - 1][1]) for at in begins if _meets(words[at : at + count], term)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def team_word(team_id: int) -> str:
    """Return the word that stands in each of a team's texts, and in each of its queries."""
    return f"team{team_id}"


class IndexedWords(TypeDecorator[Any]):
    """What goes into the index: the team's number and the words of one text, as `(team_id, words)`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return the database's own type."""
        return postgresql.TSVECTOR() if dialect.name == "postgresql" else Text()

    def bind_processor(self, dialect: Dialect) -> Any:
        """Write a tsvector with positions for PostgreSQL, and plain words for FTS5, which counts by itself."""
        return _vector if dialect.name == "postgresql" else _plain_words


class IndexedQuery(TypeDecorator[Any]):
    """What is looked for in the index: the team's number and the terms, as `(team_id, terms)`."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        """Return the database's own type."""
        return postgresql.TSQUERY() if dialect.name == "postgresql" else Text()

    def bind_processor(self, dialect: Dialect) -> Any:
        """Write the query in the database's own language."""
        return _tsquery if dialect.name == "postgresql" else _fts5_query


@functools.lru_cache(maxsize=_CHARACTERS_KEPT)
def _letter(character: str) -> tuple[str, bool]:
    """Return what is left of a character in a word, and whether it is a word by itself."""
    decomposed = unicodedata.normalize("NFKD", character.casefold())
    plain = "".join(c for c in decomposed if unicodedata.category(c)[0] in "LN").casefold()
    return plain, ord(character) > 0x0E00 and unicodedata.name(character, "").startswith(_UNSPACED)


def _parts(text: str) -> Iterator[tuple[str, int]]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        begun = at
        at += text[at] == "-"
        if at < len(text) and text[at] == '"':
            closing = text.find('"', at + 1)
            if closing < 0:
                raise SearchQueryInvalid("the quotation that begins here is never closed", at)
            at = closing + 1
        else:
            while at < len(text) and not text[at].isspace() and text[at] != '"':
                at += 1
        yield text[begun:at], begun


def _term(part: str, at: int) -> Term | None:
    is_excluded = part.startswith("-") and len(part) > 1
    is_prefix = part.endswith("*")
    words = tuple(words_of(part))
    if not words:
        return None
    if is_prefix and not _is_long_enough(words):
        raise SearchQueryInvalid(f"before * there must be at least {SHORTEST_PREFIX} letters", at)
    return Term(words, is_prefix, is_excluded)


def _is_long_enough(words: Sequence[str]) -> bool:
    """Return whether few words begin as the last of these; in a script without spaces each is one letter."""
    return len(words[-1]) >= SHORTEST_PREFIX or (len(words) >= SHORTEST_PREFIX and _letter(words[-1])[1])


def _meets(words: Sequence[str], term: Term) -> bool:
    if term.is_prefix and len(words) == len(term.words):
        return tuple(words[:-1]) == term.words[:-1] and words[-1].startswith(term.words[-1])
    return tuple(words) == term.words


def _vector(value: tuple[int, Sequence[str]]) -> str:
    team_id, words = value
    # PostgreSQL counts to 16383; what is said beyond that in one breath is found, but in no phrase.
    places: dict[str, list[int]] = {}
    for at, word in enumerate(words, 1):
        places.setdefault(word, []).append(min(at, 16383))
    lexemes = [f"'{word}':{','.join(map(str, at[:255]))}" for word, at in places.items()]
    return " ".join([f"'{team_word(team_id)}'", *lexemes])


def _plain_words(value: tuple[int, Sequence[str]]) -> str:
    return " ".join(value[1])


def _tsquery(value: tuple[int, Sequence[Term]] | None) -> str | None:
    if value is None:
        return None
    team_id, terms = value
    parts = [f"'{team_word(team_id)}'"]
    for term in terms:
        words = [f"'{word}'" for word in term.words]
        words[-1] += ":*" if term.is_prefix else ""
        parts.append(f"{'!' if term.is_excluded else ''}({' <-> '.join(words)})")
    return " & ".join(parts)


def _fts5_query(value: tuple[int, Sequence[Term]] | None) -> str | None:
    if value is None:
        return None
    team_id, terms = value
    wanted = [_fts5_term(term) for term in terms if not term.is_excluded]
    unwanted = [_fts5_term(term) for term in terms if term.is_excluded]
    query = " AND ".join([f'team : "{team_word(team_id)}"', *(f"words : {term}" for term in wanted)])
    return " NOT ".join([f"({query})", *(f"words : {term}" for term in unwanted)])


def _fts5_term(term: Term) -> str:
    return f'"{" ".join(term.words)}"' + ("*" if term.is_prefix else "")
