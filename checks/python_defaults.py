"""A column has no Python-side default: a compiled statement runs without SQLAlchemy's executor, which would fill it in.

`server_default` is allowed; other values come with the verb.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.tree import Breach, Tree

KEYWORDS = {"default", "onupdate", "insert_default", "default_factory"}


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find columns with a default that only SQLAlchemy's executor would apply."""
    for module in tree.source:
        for call, name in module.calls():
            if name in ("sqlalchemy.Column", "sqlalchemy.schema.Column"):
                for keyword in call.keywords:
                    if keyword.arg in KEYWORDS:
                        yield module.breach(call, f"{keyword.arg}= does not run; give the value in the verb")
