"""Reads what `reg export` writes, so that a support case can be played back on any system."""

from __future__ import annotations

import re
from collections.abc import Iterator

from callfloor_agent.audio.windows import STORE, ConsentEntry, Value

_VALUE = re.compile(r'"(?P<name>(?:[^"\\]|\\.)*)"=(?P<data>.*)')


def exported_entries(content: bytes) -> Iterator[ConsentEntry]:
    r"""Return the entries of the microphone's consent store in an export.

    Args:
        content: of the file: UTF-16 with a byte order mark, as `reg export` writes, or UTF-8.
    """
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    lines = content.decode(encoding).replace("\\\r\n", "").replace("\\\n", "").splitlines()
    path: str | None = None
    values: dict[str, Value] = {}
    for line in (*(one.strip() for one in lines), "[]"):
        if line.startswith("["):
            if path is not None:
                yield ConsentEntry(path, values)
            path, values = _below_store(line.strip("[]")), {}
        elif match := _VALUE.fullmatch(line):
            values[_unescaped(match["name"])] = _data(match["data"])


def _below_store(key: str) -> str | None:
    _, found, rest = f"{key}\\".partition(f"\\{STORE}\\")
    return rest.rstrip("\\") if found else None


def _data(text: str) -> Value:
    kind, _, rest = text.partition(":")
    if kind == "dword":
        return int(rest, 16)
    if kind.startswith("hex"):
        return int.from_bytes(bytes.fromhex(rest.replace(",", " ")), "little")
    return _unescaped(text.strip('"'))


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
