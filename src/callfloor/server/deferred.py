"""Groups of commands that are imported when they are used: `callfloor --help` needs none of them."""

from __future__ import annotations

import importlib
from typing import Any

from typer.core import TyperGroup
from typer.main import get_group


class Deferred(TyperGroup):
    """Stands for the typer application `attribute` of `module` until the group's name is typed."""

    def __init__(self, name: str, *, about: str, module: str, attribute: str) -> None:
        super().__init__(name=name, help=about)
        self._module = module
        self._attribute = attribute

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the rest of the line by the real group."""
        group = get_group(getattr(importlib.import_module(self._module), self._attribute))
        return group.make_context(info_name, args, parent=parent, **extra)
