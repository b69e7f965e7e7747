"""Language tags: their syntax, and how they are written."""

from __future__ import annotations

import functools
import re

_GRANDFATHERED = {
    tag.lower(): tag
    for tag in (
        *("en-GB-oed", "i-ami", "i-bnn", "i-default", "i-enochian", "i-hak", "i-klingon", "i-lux", "i-mingo"),
        *("i-navajo", "i-pwn", "i-tao", "i-tay", "i-tsu", "sgn-BE-FR", "sgn-BE-NL", "sgn-CH-DE", "art-lojban"),
        *("cel-gaulish", "no-bok", "no-nyn", "zh-guoyu", "zh-hakka", "zh-min", "zh-min-nan", "zh-xiang"),
    )
}
_VARIANT = r"(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3})"
_TAG = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})"  # language, with extended ones
    r"(?:-[a-z]{4})?"  # script
    r"(?:-(?:[a-z]{2}|[0-9]{3}))?"  # region
    rf"(?P<variants>(?:-{_VARIANT})*)"
    r"(?P<extensions>(?:-[0-9a-wyz](?:-[a-z0-9]{2,8})+)*)"
    r"(?:-x(?:-[a-z0-9]{1,8})+)?",
    re.ASCII,
)
_PRIVATE = re.compile(r"x(?:-[a-z0-9]{1,8})+", re.ASCII)


@functools.lru_cache(maxsize=1024)
def canonical_tag(text: str) -> str | None:
    """Return the tag as it is written, or None if it is none: `EN-latn-us` is `en-Latn-US`.

    Source:
        RFC 5646 (BCP 47), 2.1 for the syntax, 2.2.9 for what makes a tag well-formed, 2.1.1 for its case.
    """
    lowered = text.lower()
    if not text.isascii():
        return None
    if lowered in _GRANDFATHERED:
        return _GRANDFATHERED[lowered]
    if _PRIVATE.fullmatch(lowered):
        return lowered
    match = _TAG.fullmatch(lowered)
    if match is None or _repeats(match["variants"].split("-")[1:]) or _repeats(_singletons(match["extensions"])):
        return None
    return _in_case(lowered.split("-"))


def _singletons(extensions: str) -> list[str]:
    return [part for part in extensions.split("-") if len(part) == 1]


def _repeats(parts: list[str]) -> bool:
    return len(set(parts)) < len(parts)


def _in_case(parts: list[str]) -> str:
    """Write regions in capitals and scripts with one, but for what stands behind a single letter or digit."""
    written = parts[:1]
    after_singleton = False
    for part in parts[1:]:
        after_singleton = after_singleton or len(part) == 1
        if not after_singleton and len(part) == 2:
            written.append(part.upper())
        elif not after_singleton and len(part) == 4 and part.isalpha():
            written.append(part.title())
        else:
            written.append(part)
    return "-".join(written)
