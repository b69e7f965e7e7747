"""A test runs, waits for what it waits for, and meets our own code as it is.

A skipped test is a promise not kept, a sleep is a guess about somebody else's machine, and a mock of our own code
proves that the mock works.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from checks.tree import PACKAGE, Breach, Module, Tree

BANNED = {
    "pytest.importorskip": "a test that may not run proves nothing",
    "pytest.mark.skip": "a test that may not run proves nothing",
    "pytest.mark.skipif": "a test that may not run proves nothing",
    "pytest.mark.xfail": "mend it, or say what it does now",
    "pytest.skip": "a test that may not run proves nothing",
    "pytest.xfail": "mend it, or say what it does now",
    "time.sleep": "wait for the event itself, with a deadline",
    "unittest.mock": "run the real thing, or a null implementation of the product",
}
TESTS = ("tests/", "agent/tests/", "sdk/python/tests/")
OURS = {PACKAGE, "callfloor_agent"}
NO_COVER = "pragma: " + "no cover"


def breaches(tree: Tree) -> Iterator[Breach]:
    """Find tests that may not run, that sleep, or that patch our own code; and code left out of coverage."""
    for module in tree.modules:
        for number, line in enumerate(module.text.splitlines(), start=1):
            if NO_COVER in line:
                yield module.breach(number, "nothing is left out of coverage line by line")
        if module.path.startswith(TESTS):
            yield from _in_tests(module)


def _in_tests(module: Module) -> Iterator[Breach]:
    names = [(node, module.full_name(node)) for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)]
    for node, name in names:
        if name in BANNED:
            yield module.breach(node, f"{name}: {BANNED[name]}")
    for _, full, line in module.imports():
        if full in BANNED or full.startswith("unittest.mock"):
            yield module.breach(line, f"{full}: {BANNED.get(full, BANNED['unittest.mock'])}")
    for call, name in module.calls():
        if name.endswith("monkeypatch.setattr") and call.args and _is_ours(module, call.args[0]):
            yield module.breach(call, "patches our own code; give it what it needs by argument")


def _is_ours(module: Module, target: ast.expr) -> bool:
    name = str(target.value) if isinstance(target, ast.Constant) else module.full_name(target)
    return name.partition(".")[0] in OURS
