"""Run every check on this repository: `python -m checks [NAME ...]`; prints each breach, exits 1 if there is one."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import checks
from checks.tree import Breach, Tree

Check = Callable[[Tree], Iterable[Breach]]
ROOT = Path(__file__).parents[1]


def all_checks() -> dict[str, Check]:
    """Return every module of this folder that has `breaches`, by name."""
    modules = [importlib.import_module(f"checks.{info.name}") for info in pkgutil.iter_modules(checks.__path__)]
    return {
        module.__name__.removeprefix("checks."): module.breaches for module in modules if hasattr(module, "breaches")
    }


def main(names: list[str]) -> int:
    """Run the named checks, or all."""
    known = all_checks()
    unknown = set(names) - set(known)
    if unknown:
        print(f"no such check: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    tree = Tree(ROOT)
    found = 0
    for name in names or known:
        for breach in sorted(known[name](tree)):
            print(f"{breach.path}:{breach.line}: {name}: {breach.message}")
            found += 1
    print(
        f"{len(names or known)} house rules, {found} breaches" if found else f"{len(names or known)} house rules kept"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
