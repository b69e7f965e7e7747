"""A statement is a module constant, or comes from a `functools.cache`d function: it is compiled once for each database.

One built in a request would be compiled, and kept, for every request. A plain function may build one when it is only
ever called at module level and by cached functions.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterator

from checks.tree import PACKAGE, SOURCE, Breach, Function, Module, Tree

BUILDERS = {f"sqlalchemy.{name}" for name in ("select", "insert", "update", "delete", "union", "union_all", "text")}
UPSERT = f"{PACKAGE}.foundation.database"
EXEMPT = (f"{SOURCE}/foundation/database/", f"{SOURCE}/migrations/")
Body = Function | ast.Lambda


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find statements that are built when a function runs."""
    modules = [_Uses(module) for module in tree.source if not module.path.startswith(EXEMPT)]
    for uses in modules:
        for call, name in uses.module.calls():
            builds = name in BUILDERS or (name.startswith(UPSERT) and name.endswith(".upsert"))
            if builds and _runs_late(modules, uses, call, frozenset()):
                yield uses.module.breach(call, f"{name.rpartition('.')[2]}() in a function; make it a module constant")


@dataclasses.dataclass(frozen=True)
class _Uses:
    module: Module

    @functools.cached_property
    def enclosing(self) -> dict[ast.AST, tuple[Body, ...]]:
        """For every node the functions it stands in, outermost first."""
        found: dict[ast.AST, tuple[Body, ...]] = {}

        def visit(node: ast.AST, around: tuple[Body, ...]) -> None:
            found[node] = around
            inner = (*around, node) if isinstance(node, Body) else around
            for child in ast.iter_child_nodes(node):
                visit(child, inner)

        visit(self.module.tree, ())
        return found

    def of(self, name: str, home: Module) -> Iterator[ast.AST]:
        """Every place here that names the function `name` of the module `home`."""
        defined_in = home.path.removeprefix("src/").removesuffix(".py").replace("/", ".")
        for node in self.enclosing:
            if isinstance(node, ast.Name | ast.Attribute):
                # A package may hand on what a module of its own defines.
                package, _, last = self.module.full_name(node).rpartition(".")
                here = self.module is home and name in (getattr(node, "id", None), getattr(node, "attr", None))
                if here or (last == name and package.startswith(PACKAGE) and defined_in.startswith(package)):
                    yield node


def _runs_late(modules: list[_Uses], home: _Uses, node: ast.AST, seen: frozenset[str]) -> bool:
    """Return whether the node may run after the modules are loaded, and more than once."""
    around = home.enclosing[node]
    if not around or any(_is_cached(home.module, function) for function in around):
        return False
    name = getattr(around[0], "name", "")
    if name in seen:
        return False
    uses = [(module, use) for module in modules for use in module.of(name, home.module)] if name else []
    return not uses or any(_runs_late(modules, module, use, seen | {name}) for module, use in uses)


def _is_cached(module: Module, function: Body) -> bool:
    return not isinstance(function, ast.Lambda) and any(
        module.full_name(decorator.func if isinstance(decorator, ast.Call) else decorator)
        in ("functools.cache", "functools.lru_cache")
        for decorator in function.decorator_list
    )
