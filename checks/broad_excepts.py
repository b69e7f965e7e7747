"""Everything is caught at four edges only: a request, a job, a command, a loop.

Anywhere else it hides the error that nobody thought of behind one that somebody did. Whoever only has to clean up after
a failure does not catch it: `finally`, or an `ExitStack` whose callbacks `pop_all` takes away once all went well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from checks.tree import SOURCE, Breach, Module, Tree

EDGES = {
    "conversations_api/app.py": "request",
    "foundation/database/sqlite_writer.py": "loop",
    "foundation/jobs/execution.py": "job",
    "foundation/jobs/leases.py": "loop",
    "foundation/jobs/worker.py": "job, loop",
    "foundation/limits/shared.py": "loop",
    "foundation/outbox/following.py": "loop",
    "foundation/rounds.py": "loop",
    "ingest/writer.py": "loop",
    "live/hub.py": "loop",
    "portal_api/app.py": "request",
    "server/edge.py": "request",
    "server/serve.py": "loop",
    "server/upkeep.py": "loop",
}
"""The modules of the package that are such an edge, and which."""
ANSWERS_FOR_ANOTHER_THREAD = {"foundation/database/sqlite_writer.py"}
"""Where even the end of a thread is caught: somebody waits on another one for what became of their work."""
PLACES = (f"{SOURCE}/", "agent/src/", "sdk/python/src/")
BROAD = {"Exception", "BaseException"}
SUPPRESS = "contextlib.suppress"


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find handlers of everything that stand at no edge, and edges that have none."""
    for module in tree.modules:
        if module.path.startswith(PLACES):
            yield from _in_module(module, module.path.removeprefix(f"{SOURCE}/"))


def _in_module(module: Module, name: str) -> Iterator[Breach]:
    found = list(_broad(module))
    if name in EDGES and not found:
        yield module.breach(0, "catches nothing broad; take it off the list of the edges")
    for node, caught in found:
        if name not in EDGES:
            yield module.breach(node, f"{caught} is caught at the edges only; name the errors, or clean up by finally")
        elif caught != "Exception" and name not in ANSWERS_FOR_ANOTHER_THREAD:
            yield module.breach(node, "only who answers another thread may catch its end; catch Exception")


def _broad(module: Module) -> Iterator[tuple[ast.AST, str]]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            if node.type is None:
                yield node, "BaseException"
            yield from ((node, name) for name in _names(node.type))
    for call, name in module.calls():
        if name == SUPPRESS:
            yield from ((call, caught) for argument in call.args for caught in _names(argument))


def _names(caught: ast.expr | None) -> Iterator[str]:
    each = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    for one in each:
        name = one.attr if isinstance(one, ast.Attribute) else one.id if isinstance(one, ast.Name) else ""
        if name in BROAD:
            yield name
