"""E-mail addresses as people paste them, or as a column of a file has them."""

from __future__ import annotations

import re

_BETWEEN = re.compile(r'[\s,;"]+')


def addresses_in(text: str) -> tuple[str, ...]:
    """Return the addresses of a text: commas, semicolons, spaces, line breaks and quotes stand between them."""
    return tuple(part for part in _BETWEEN.split(text) if part)
