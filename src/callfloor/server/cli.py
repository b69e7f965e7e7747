"""The command line: the programs, and the domains' own commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup
from typer.main import get_command

from callfloor.foundation.command_line import MISUSED, Data, DatabaseUrl, refuse, refusing, settings_of
from callfloor.server.deferred import Deferred

app = typer.Typer(
    name="callfloor",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # its traceback shows local variables, secrets among them
)

_CONVERSATIONS = "callfloor.conversations"
_STEWARDSHIP = f"{_CONVERSATIONS}.stewardship_commands"
GROUPS = (
    Deferred("team", about="Teams and their billing.", module="callfloor.teams.commands", attribute="app"),
    Deferred("user", about="People of a team.", module="callfloor.teams.commands", attribute="user_app"),
    Deferred("invitation", about="Invitations by mail.", module="callfloor.teams.invitation_commands", attribute="app"),
    Deferred("key", about="Keys of the public APIs.", module="callfloor.teams.key_commands", attribute="app"),
    Deferred("calls", about="Earlier calls.", module="callfloor.conversations.imports.commands", attribute="app"),
    Deferred("reclaim", about="Seats that nobody uses.", module="callfloor.usage.reclaim.commands", attribute="app"),
    Deferred("usage", about="What calls add up to.", module="callfloor.usage.commands", attribute="app"),
    Deferred("retention", about="How long conversations stay.", module=_STEWARDSHIP, attribute="retention_app"),
    Deferred("hold", about="What must be kept.", module=_STEWARDSHIP, attribute="hold_app"),
    Deferred("erasure", about="Erase on request.", module=_STEWARDSHIP, attribute="erasure_app"),
    Deferred("redaction", about="Take parts out.", module=f"{_CONVERSATIONS}.redaction_commands", attribute="app"),
    Deferred("analysis", about="Analyze anew.", module=f"{_CONVERSATIONS}.reanalysis_commands", attribute="app"),
    Deferred("audit", about="The audit trail.", module="callfloor.access.commands", attribute="app"),
    Deferred("limits", about="Who is shut out.", module="callfloor.access.limit_commands", attribute="app"),
    Deferred("models", about="Speech models on this machine.", module="callfloor.speech.commands", attribute="app"),
)


def _print_version(*, asked: bool) -> None:
    if asked:
        from importlib.metadata import version  # noqa: PLC0415  # the other commands start quicker without

        typer.echo(version("callfloor"))
        raise typer.Exit


@app.callback()
def callfloor(
    *,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", is_eager=True, help="Print the version.", callback=lambda asked: _print_version(asked=asked)
        ),
    ] = False,
) -> None:
    """Callfloor, the self-hosted platform of a call center."""


@app.command()
def serve(
    *,
    data: Data = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8443,
    database: DatabaseUrl = None,
    tls_cert: Annotated[Path | None, typer.Option(metavar="FILE", help="Certificate chain in PEM form.")] = None,
    tls_key: Annotated[Path | None, typer.Option(metavar="FILE", help="Its key in PEM form.")] = None,
    behind_proxy: Annotated[bool, typer.Option("--behind-proxy", help="Plain HTTP, for a proxy to speak to.")] = False,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Run no worker beside it.")] = False,
) -> None:
    """Serve every API by HTTPS, and run the worker."""
    if (tls_cert is None) != (tls_key is None):
        refuse("--tls-cert and --tls-key belong together: give both or neither.", code=MISUSED)
    if behind_proxy and tls_cert is not None:
        refuse("--behind-proxy serves plain HTTP: leave out --tls-cert and --tls-key.", code=MISUSED)
    settings = settings_of(data, database)
    from callfloor.foundation.logging import configure_logging  # noqa: PLC0415  # `--help` needs no server
    from callfloor.foundation.tls import CertificateRefused  # noqa: PLC0415
    from callfloor.server import serve as server  # noqa: PLC0415
    from callfloor.server.sockets import AddressRefused  # noqa: PLC0415

    configure_logging(settings.log)
    listening = server.Listening(host, port, tls_cert, tls_key, is_behind_proxy=behind_proxy, has_worker=not no_worker)
    try:
        with refusing(settings):
            server.serve(settings, listening)
    except (AddressRefused, CertificateRefused) as error:
        refuse(str(error), code=MISUSED)


@app.command()
def worker(
    *,
    data: Data = None,
    database: DatabaseUrl = None,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Run jobs: transcription, deliveries, schedules. `serve` runs one beside it unless told not to."""
    settings = settings_of(data, database)
    from callfloor.foundation.logging import configure_logging  # noqa: PLC0415  # `--help` needs no worker
    from callfloor.server import worker as program  # noqa: PLC0415

    configure_logging(settings.log)
    with refusing(settings):
        program.work(settings, is_supervised=supervised)


@app.command()
def demo(
    *,
    data: Data = None,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8443,
) -> None:
    """Serve a sample team with analyzed calls, and print curl lines to try."""
    settings = settings_of(data if data or "CALLFLOOR_DATA" in os.environ else Path("data/demo"))
    from callfloor.foundation.logging import configure_logging  # noqa: PLC0415  # `--help` needs no server
    from callfloor.server.demo.run import run_demo  # noqa: PLC0415
    from callfloor.server.demo.samples import SamplesMissing  # noqa: PLC0415
    from callfloor.server.sockets import AddressRefused  # noqa: PLC0415

    # Its page is what people look at: only what is wrong is logged beside it.
    settings = settings.model_copy(update={"log": settings.log.model_copy(update={"level": "warning"})})
    configure_logging(settings.log)
    try:
        with refusing(settings):
            run_demo(settings, port)
    except (AddressRefused, SamplesMissing) as error:
        refuse(str(error), code=MISUSED)


@app.command()
def migrate(*, data: Data = None, database: DatabaseUrl = None) -> None:
    """Bring the database to this release's schema; `serve` does so by itself."""
    settings = settings_of(data, database)
    with refusing(settings):
        from callfloor.foundation.database.migrate import migrate as run  # noqa: PLC0415  # `--help` needs no database

        settings.data.mkdir(parents=True, exist_ok=True)
        changed = run(settings.database_url)
    typer.echo("The database was brought to this release's schema." if changed else "The database is up to date.")


@app.command()
def doctor(
    *,
    data: Data = None,
    database: DatabaseUrl = None,
    host: Annotated[str, typer.Option(help="Address that serve will listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port that serve will listen on.")] = 8443,
) -> None:
    """Check what a server needs: Python, disk, database, models, port, certificate."""
    settings = settings_of(data, database)
    from callfloor.server.doctor import diagnose  # noqa: PLC0415  # `--help` needs no database

    findings = diagnose(settings, host=host, port=port)
    for finding in findings:
        typer.echo(finding.line)
    raise typer.Exit(1 if any(finding.is_bad for finding in findings) else 0)


def main() -> None:
    """Run the command line."""
    commands = get_command(app)
    assert isinstance(commands, TyperGroup)  # noqa: S101  # more than one command make a group
    for group in GROUPS:
        commands.add_command(group)
    commands()


if __name__ == "__main__":
    main()
