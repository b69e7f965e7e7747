"""What every command of the command line shares: its two options, the opened services, its answer."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from callfloor.foundation.errors import DomainError, Unavailable

if TYPE_CHECKING:
    from callfloor.foundation.services import Services
    from callfloor.foundation.settings import Settings

Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="Folder of everything Callfloor keeps (or CALLFLOOR_DATA).")
]
DatabaseUrl = Annotated[
    str | None, typer.Option("--database", metavar="URL", help="sqlite:/// or postgresql:// (or CALLFLOOR_DATABASE).")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print exactly one JSON object on stdout.")]

REFUSED = 1
"""Exit code: what was asked cannot be."""
MISUSED = 2
"""Exit code: an option or a setting is wrong."""


def settings_of(data: Path | None, database: str | None = None, **given: Any) -> Settings:
    """Return the settings of the environment and the options; a wrong one ends the command with its sentence."""
    # `--help` needs no settings, and pydantic is slow to import.
    from callfloor.foundation.environment import SettingsRefused, read_settings  # noqa: PLC0415

    try:
        return read_settings(data=data, database=database, **given)
    except SettingsRefused as refused:
        refuse(*refused.sentences, code=MISUSED)


@contextlib.contextmanager
def opened(data: Path | None, database: str | None = None) -> Iterator[Services]:
    """Open the services for one command, beside a running server or before the first start; refuses as `refusing`."""
    from callfloor.foundation.logging import configure_logging  # noqa: PLC0415  # `--help` needs no database
    from callfloor.foundation.services import open_services  # noqa: PLC0415

    settings = settings_of(data, database)
    configure_logging(settings.log)
    with refusing(settings):
        services = open_services(settings)
        try:
            yield services
        finally:
            services.close_now()


@contextlib.contextmanager
def refusing(settings: Settings) -> Iterator[None]:
    """End the command with a sentence on stderr and exit code 1 when what is inside is refused, or something fails."""
    from callfloor.foundation.database.migrate import SchemaTooNew  # noqa: PLC0415  # `--help` needs no database

    try:
        yield
    except (DomainError, Unavailable, SchemaTooNew) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or settings.data} cannot be used: {error.strerror}.")


def answer(payload: Mapping[str, object], *, as_json: bool) -> None:
    """Print the command's result on stdout: one JSON object, or one line a value."""
    if as_json:
        typer.echo(json.dumps(payload, ensure_ascii=False))
        return
    width = max((len(name) for name in payload), default=0)
    for name, value in payload.items():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(f"{name:<{width}}  {shown}")


def refuse(*sentences: str, code: int = REFUSED) -> NoReturn:
    """End the command with these sentences on stderr."""
    for sentence in sentences:
        typer.echo(sentence, err=True)
    raise typer.Exit(code)
