"""The page of all settings, written from the tree; its own head says how."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from callfloor.foundation.environment import Variable, variables

_HEAD = """# Settings

Callfloor reads its settings from the environment, once, when a program starts. A value that a setting does not take,
and a variable that begins with `CALLFLOOR_` and is none of these, stop the start with a sentence that says so.

A setting marked *secret* may instead be read from a file: put the file's path in the variable of the same name with
`_FILE` at its end. The options `--data` and `--database` of the command line win over the environment.

This page is generated: `python -m callfloor.server.settings_reference > docs/operate/settings.md`.

| variable | takes | default | what it does |
|---|---|---|---|
"""


def reference() -> str:
    """Return the page, in Markdown."""
    return _HEAD + "".join(_rows())


def _rows() -> Iterator[str]:
    for variable in variables():
        takes = variable.expects + (" *(secret)*" if variable.is_secret else "")
        yield f"| `{variable.name}` | {takes} | {_default(variable)} | {variable.field.description} |\n"


def _default(variable: Variable) -> str:
    value = variable.field.default
    if value is None or value == ():
        return ""
    return f"`{str(value).lower()}`" if isinstance(value, bool) else f"`{value}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
