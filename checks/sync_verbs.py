"""A verb is a plain function that waits for nothing but the database; routes do not reach into its transaction.

A verb that looked at the clock, a file or the network would hold the one write lock meanwhile, and could not be run
again when its group's COMMIT fails.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from checks.tree import PACKAGE, SOURCE, Breach, Function, Module, Tree, is_verb

EFFECTS = {
    f"{PACKAGE}.foundation.clock.now",
    "open",
    "input",
    "pathlib.Path",
    "datetime.datetime.now",
    "datetime.datetime.utcnow",
    "datetime.date.today",
}
LIBRARIES = {
    "asyncio",
    "http",
    "httpx",
    "requests",
    "shutil",
    "smtplib",
    "socket",
    "subprocess",
    "threading",
    "time",
    "urllib",
}
EDGES = (f"{SOURCE}/portal_api/", f"{SOURCE}/conversations_api/")


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find async verbs, verbs with effects, and routes that use a transaction."""
    for module in tree.source:
        if module.path.startswith(f"{SOURCE}/foundation/database/"):
            continue
        yield from _coroutines(module)
        for function in filter(is_verb, module.functions()):
            yield from _effects(module, function)
        if module.name == "api" or module.path.startswith(EDGES):
            yield from _transactions(module)


def _coroutines(module: Module) -> Iterator[Breach]:
    has_verbs = any(
        is_verb(node) and not node.name.startswith("_") for node in module.tree.body if isinstance(node, Function)
    )
    for function in module.functions():
        if isinstance(function, ast.AsyncFunctionDef) and is_verb(function):
            yield module.breach(function, f"{function.name}: a verb is a plain def, run by db.write")
        elif isinstance(function, ast.AsyncFunctionDef) and has_verbs:
            yield module.breach(
                function, f"{function.name}: a module of verbs has no async def; put it beside its route"
            )


def _effects(module: Module, function: ast.AST) -> Iterator[Breach]:
    for call, name in module.calls(function):
        if name in EFFECTS or ("." in name and name.partition(".")[0] in LIBRARIES):
            yield module.breach(call, f"a verb does not call {name}; it gets the result by argument")


def _transactions(module: Module) -> Iterator[Breach]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "tx":
            yield module.breach(
                node, f"tx.{node.attr} in a route; the statement belongs to a verb or a query of the domain"
            )
