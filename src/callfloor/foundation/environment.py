"""Reads the settings from the environment; what is wrong becomes one sentence a variable."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from callfloor.foundation.settings import Settings
from callfloor.foundation.subject import Subject

PREFIX = "CALLFLOOR_"
_AGENT_NAMES = (
    *("SERVER", "CA_FILE", "TEAM_SECRET", "TEAM_SECRET_FILE", "STATE_DIR", "MACHINE_ID", "HOSTNAME", "USERNAME"),
    *("APP_NAME", "LANGUAGE", "DESKTOP_PORTS", "AUDIO", "SPOOL_MAX_EVENTS", "LOOK_SECONDS", "LOG_LEVEL", "CONFIG"),
    *("RETRY_LONGEST_SECONDS", "RETRY_SLOW_SECONDS"),
)
OF_THE_AGENT = frozenset(f"{PREFIX}AGENT_{name}" for name in _AGENT_NAMES)
"""Settings of the program beside the headset, which may be set in the same shell: a simulated fleet's."""


class SettingsRefused(Exception):
    """The environment holds values that cannot be used; `sentences` says each."""

    def __init__(self, sentences: list[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting and the environment variable it is read from."""

    name: str
    path: tuple[str, ...]
    field: FieldInfo

    @property
    def is_secret(self) -> bool:
        """Return whether its value is never shown, and may come from a file."""
        return SecretStr in _types_in(self.field.annotation)

    @property
    def is_list(self) -> bool:
        """Return whether its value is a list, separated by commas."""
        return getattr(self.field.annotation, "__origin__", None) is tuple

    @property
    def expects(self) -> str:
        """Return what a right value is."""
        extra = self.field.json_schema_extra
        return str(extra["expects"]) if isinstance(extra, dict) else ""


def variables(group: type[Subject] = Settings, above: tuple[str, ...] = ()) -> Iterator[Variable]:
    """Yield every setting of the tree."""
    for name, field in group.model_fields.items():
        path = (*above, name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, Subject):
            yield from variables(field.annotation, path)
        else:
            yield Variable(PREFIX + "_".join(path).upper(), path, field)


def read_settings(environ: Mapping[str, str] | None = None, **given: Any) -> Settings:
    """Return the settings of the environment.

    Args:
        environ: the environment, the process's own if left out.
        given: top-level settings from the command line, which win; None means not given.

    Raises:
        SettingsRefused: a value is not what the setting takes, or a variable is unknown.
    """
    environ = os.environ if environ is None else environ
    known = {variable.name: variable for variable in variables()}
    sentences = _unknown(environ, known)
    tree: dict[str, Any] = {}
    for variable in known.values():
        try:
            text = _text_of(variable, environ)
        except SettingsRefused as refused:
            sentences += refused.sentences
            continue
        if text:
            _put(tree, variable, text)
    tree.update({name: value for name, value in given.items() if value is not None})
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        raise SettingsRefused([*sentences, *_wrong(error, known, given)]) from None
    if sentences:
        raise SettingsRefused(sentences)
    return settings


def _types_in(annotation: Any) -> set[Any]:
    inside = get_args(annotation)
    return {annotation}.union(*(_types_in(part) for part in inside)) if inside else {annotation}


def _put(tree: dict[str, Any], variable: Variable, text: str) -> None:
    *groups, leaf = variable.path
    for group in groups:
        tree = tree.setdefault(group, {})
    tree[leaf] = [part.strip() for part in text.split(",") if part.strip()] if variable.is_list else text


def _text_of(variable: Variable, environ: Mapping[str, str]) -> str:
    text = environ.get(variable.name, "")
    file = environ.get(f"{variable.name}_FILE", "") if variable.is_secret else ""
    if not file:
        return text
    if text:
        raise SettingsRefused([f"Set {variable.name} or {variable.name}_FILE, not both."])
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SettingsRefused(
            [f"{variable.name}_FILE must name a readable file, and {file!r} is not: {reason}."]
        ) from error


def _unknown(environ: Mapping[str, str], known: Mapping[str, Variable]) -> list[str]:
    names = set(known) | {f"{variable.name}_FILE" for variable in known.values() if variable.is_secret}
    sentences = []
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in names or name in OF_THE_AGENT:
            continue
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
        hint = f" Did you mean {close[0]}?" if close else ""
        sentences.append(f"{name} is not a setting of Callfloor.{hint}")
    return sentences


def _wrong(error: ValidationError, known: Mapping[str, Variable], given: Mapping[str, Any]) -> list[str]:
    by_path = {variable.path: variable for variable in known.values()}
    sentences: dict[str, str] = {}
    for fault in error.errors():
        steps = tuple(str(step) for step in fault["loc"])
        variable = next(by_path[steps[:n]] for n in range(len(steps), 0, -1) if steps[:n] in by_path)
        name = f"--{variable.path[0]}" if given.get(variable.path[0]) is not None else variable.name
        value = (
            "what is set is not (it is not shown here, being a secret)"
            if variable.is_secret
            else f"is {fault['input']!r}"
        )
        joint = "and" if not variable.is_secret else "but"
        sentences.setdefault(name, f"{name} must be {variable.expects}, {joint} {value}.")
    return list(sentences.values())
