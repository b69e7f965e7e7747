"""Write the generated modules of the package, or into another folder: `python -m drafting [FOLDER]`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from drafting.documents import Document, Operation, Schema
from drafting.names import BY_HAND, camel, group_of, method_of
from drafting.operations import Method
from drafting.shapes import Shapes

HERE = Path(__file__).parents[1]
DOCUMENTS = HERE.parents[1] / "docs" / "api"
TARGET = HERE / "src" / "callfloor_sdk" / "generated"
APIS = {"callfloor": "CALLFLOOR", "portal": "PORTAL", "conversations": "CONVERSATIONS"}
CLASSES = {"portal": "Portal", "conversations": "Conversations"}
NOTE = "written by `make documents` from docs/api"
IMPORTS = {
    "callfloor_sdk.downloads": ("AsyncDownload", "Download"),
    "callfloor_sdk.paging": ("AsyncPages", "Pages", "by_cursor", "by_link", "by_number", "whole"),
    "callfloor_sdk.requests": ("UNSET", "Api", "Request", "Unset", "given", "joined", "new_idempotency_key", "path"),
    "callfloor_sdk.uploads": ("File", "Progress", "upload"),
    "callfloor_sdk.sending": ("AsyncSender", "Sender"),
    "collections.abc": ("Mapping", "Sequence"),
    "typing": ("Any", "Literal"),
}


def main(folder: Path) -> None:
    """Write everything."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "__init__.py").write_text(f'"""What the OpenAPI documents say: {NOTE}."""\n', encoding="utf-8")
    for name, api in APIS.items():
        document = Document(DOCUMENTS / f"{name}.json")
        operations = [one for one in document.operations() if one.id not in BY_HAND and not one.takes_bytes]
        shapes = _shapes(document, operations)
        groups = _grouped(operations, name, api, shapes)
        for awaiting in (False, True):
            module = f"{'async_' if awaiting else ''}{name}"
            (folder / f"{module}.py").write_text(_resources(groups, name, awaiting=awaiting), encoding="utf-8")
        (folder / f"{name}_types.py").write_text(_types(shapes, name), encoding="utf-8")
    ruff = Path(sys.executable).with_name("ruff")
    config = ("--config", str(HERE.parents[1] / "pyproject.toml"))
    subprocess.run([ruff, "check", "--quiet", "--fix-only", "--select=F401,I", *config, folder], check=True)
    subprocess.run([ruff, "format", "--quiet", *config, folder], check=True)


def _shapes(document: Document, operations: list[Operation]) -> Shapes:
    def answers() -> Iterator[Schema]:
        yield from (one.success[1] or {} for one in operations)

    def bodies() -> Iterator[Schema]:
        for one in operations:
            body = one.body or {}
            for choice in body.get("anyOf", [body]):
                yield document.resolved(choice)

    return Shapes(document, document.reached(answers()), document.reached(bodies()))


def _grouped(operations: list[Operation], name: str, api: str, shapes: Shapes) -> dict[str, list[Method]]:
    by_group: dict[str, list[Operation]] = {}
    for one in operations:
        by_group.setdefault(group_of(one.tag, one.path) if name == "callfloor" else name, []).append(one)
    groups: dict[str, list[Method]] = {}
    for group, ones in sorted(by_group.items()):
        ids = frozenset(one.id for one in ones)
        for one in ones:
            method = method_of(one.id, group, ids) if name == "callfloor" else _flat(one.id)
            groups.setdefault(group, []).append(Method(one, method, api, shapes))
    return groups


def _flat(operation_id: str) -> str:
    return {"get_call": "call", "get_meeting": "meeting", "list_calls": "calls", "list_meetings": "meetings"}.get(
        operation_id, operation_id
    )


def _resources(groups: dict[str, list[Method]], name: str, *, awaiting: bool) -> str:
    prefix = "Async" if awaiting else ""
    parts = []
    for group, methods in groups.items():
        lines = [
            f"class {prefix}{CLASSES.get(name) or camel(group) + 'Methods'}:",
            f'    """{CLASSES.get(name) or group.replace("_", " ").capitalize()}, of the {camel(name)} API."""',
            "",
            f"    def __init__(self, sender: {prefix}Sender) -> None:",
            "        self._sender = sender",
            "",
        ]
        ordered = sorted(methods, key=lambda method: method.name == "list")  # below it, `list` is no type any more
        parts.append("\n".join(lines) + "\n" + "\n\n".join(method.render(awaiting=awaiting) for method in ordered))
    if name == "callfloor":
        lines = [
            f"class {prefix}Resources:",
            '    """All of them, as attributes."""',
            "",
            f"    def __init__(self, sender: {prefix}Sender) -> None:",
            *(f"        self.{group} = {prefix}{camel(group)}Methods(sender)" for group in groups),
        ]
        parts.append("\n".join(lines))
    body = "\n\n\n".join(parts)
    used = sorted(
        word for word in set(re.findall(r"\b[A-Z]\w+", body)) if re.search(rf"[:\[|=] ?{word}\b|\b{word}[,\]]", body)
    )
    known = _class_names(groups)
    types = [word for word in used if word in known]
    imports = ["import datetime", *(f"from {module} import {', '.join(names)}" for module, names in IMPORTS.items())]
    if types:
        imports.append(f"from callfloor_sdk.generated.{name}_types import {', '.join(types)}")
    return (
        f'"""Methods of the {camel(name)} API: {NOTE}."""\n\nfrom __future__ import annotations\n\n'
        + "\n".join(imports)
        + f"\n\n\n{body}\n"
    )


def _class_names(groups: dict[str, list[Method]]) -> set[str]:
    shapes = next(iter(groups.values()))[0]._shapes  # noqa: SLF001
    return set(shapes.classes) | set(shapes.values)


def _types(shapes: Shapes, name: str) -> str:
    values = sorted(shapes.values.items())
    lines = [
        f'"""Types of the {camel(name)} API: {NOTE}.',
        "",
        "Enumerations are strings when they are read: a newer server may say what is not listed here.",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        "import datetime",
        "from collections.abc import Sequence",
        "from typing import TYPE_CHECKING, Any, Literal",
        "",
        "from callfloor_sdk.records import Input, Record",
        "",
        f"__all__ = {sorted([*shapes.values, *shapes.classes])!r}",
        "",
    ]
    if values:
        lines.append("if TYPE_CHECKING:")
        lines += [f"    {alias} = Literal[{', '.join(repr(one) for one in known)}]" for alias, known in values]
        lines.append("else:")
        lines += [f"    {alias} = str" for alias, _ in values]
    lines += ["", ""]
    return "\n".join(lines) + "\n\n".join(text for _, text in sorted(shapes.classes.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET)
