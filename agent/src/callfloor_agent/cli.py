"""The command line: run, status, doctor, login, logout, service, desktop-stand-in, simulate."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import logging
import os
import sys
from collections.abc import Coroutine
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO, TypeVar

import msgspec
import typer

from callfloor_agent import VERSION, services
from callfloor_agent.agent import SPOOL_FILE, Agent
from callfloor_agent.api import Authorization, LoggedIn, Refused, ServerUnreachable
from callfloor_agent.clock import instant_ms
from callfloor_agent.desktop import PORTS
from callfloor_agent.desktop.pretending import CommandUnclear
from callfloor_agent.desktop.stand_in import NoFreePort, run_stand_in
from callfloor_agent.doctor import REMEDIES, examine
from callfloor_agent.enrolment import enrolment_of
from callfloor_agent.settings import TEXT, Settings, SettingWrong, config_file_of, default_state_folder, read_settings
from callfloor_agent.simulator.figures import Progress
from callfloor_agent.simulator.run import HISTORY_DAYS_MAX, Plan, simulate
from callfloor_agent.spool import Spool, SpoolBroken
from callfloor_agent.status import AlreadyRunning, FolderLock, StatusFile, is_running

log = logging.getLogger(__name__)

LOG_FILE, LOG_MAX_BYTES = "agent.log", 1_000_000
LOG_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
NOT_RUNNING = 3
"""The exit code of `status` while no agent runs, as of service scripts."""

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The program beside the headset.")
service = typer.Typer(no_args_is_help=True, help="Start the agent with the person's session.")
app.add_typer(service, name="service")

Config = Annotated[Path | None, typer.Option("--config", help="The file with the settings.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]
Result = TypeVar("Result")


def main() -> None:
    """Run the command line."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a file of Windows has few letters, a device's name may have any
    app()


@app.command()
def run(config: Config = None) -> None:
    """Follow the machine and tell the server, until stopped."""
    settings = _settings(config)
    _log_to(sys.stderr, settings)

    async def work() -> None:
        agent = Agent(settings)
        try:
            await agent.run()
        finally:
            agent.close()

    _carried_out(work())


@app.command()
def status(
    config: Config = None,
    as_json: Json = False,
    rejected: Annotated[bool, typer.Option("--rejected", help="Only what the server would not take.")] = False,
) -> None:
    """Tell how the running agent is; the exit code is 3 while none runs."""
    folder = _settings(config).state_folder
    try:
        if rejected:
            return _print_rejected(folder)
        told, runs = StatusFile(folder).read(), is_running(folder)
    except (OSError, SpoolBroken) as error:
        _fail(str(error))
    values = {"running": runs, **(msgspec.to_builtins(told) if told else {})}
    if told and not runs:
        values["connected"] = False  # what else is told is what it told last
    if as_json:
        typer.echo(json.dumps(values))
    else:
        for name, value in values.items():
            typer.echo(f"{name:18} {_shown(value)}")
    if not runs:
        raise typer.Exit(NOT_RUNNING)
    return None


@app.command()
def doctor(config: Config = None, as_json: Json = False) -> None:
    """Look for what keeps this machine from being seen, and say what to do; the exit code is 1 if something fails."""
    logging.disable()  # what would be logged is a finding
    findings = _carried_out(examine(_settings(config)))
    if as_json:
        typer.echo(msgspec.json.encode({"findings": findings}).decode())
    else:
        for finding in findings:
            typer.echo(f"{finding.result:8} {finding.name}: {finding.detail}")
            if finding.remedy and finding.result != "ok":
                typer.echo(f"{'':8} → {finding.remedy}")
    if any(finding.result == "failed" for finding in findings):
        raise typer.Exit(1)


@app.command()
def login(
    config: Config = None,
    as_json: Json = False,
    person: Annotated[bool, typer.Option("--person", help="A team of people: somebody confirms this machine.")] = False,
    code: Annotated[str | None, typer.Option("--code", help="A team of people: the code of an administrator.")] = None,
) -> None:
    """Log this machine in, by the team's secret if nothing else is said, and keep the token."""

    async def act(settings: Settings) -> LoggedIn:
        async with enrolment_of(settings) as enrolment:
            if person or code is not None:
                return await enrolment.sign_in(code=code, show=_show_authorization)
            return await enrolment.log_in()

    logged_in = _carried_out(act(_settings(config)))
    values = {"device_id": logged_in.device_id, "seat_id": logged_in.seat_id}
    typer.echo(json.dumps(values) if as_json else f"device {logged_in.device_id} on seat {logged_in.seat_id}")


@app.command()
def logout(config: Config = None) -> None:
    """End this machine's token; its seat stays. An agent that runs is to be stopped before: it would log in again."""

    async def act(settings: Settings) -> None:
        lock = FolderLock(settings.state_folder)
        try:
            async with enrolment_of(settings) as enrolment:
                await enrolment.log_out()
        finally:
            lock.release()

    _carried_out(act(_settings(config)))
    typer.echo("logged out")


@service.command("install")
def install_service(
    config: Config = None, print_only: Annotated[bool, typer.Option("--print", help="Only print it.")] = False
) -> None:
    """Install and start it: a systemd user unit, a scheduled task of Windows, or a launch agent of macOS."""
    config = config or config_file_of(os.environ)
    try:
        read_settings(config, {})
    except SettingWrong as error:
        _fail(f"{error}\na service reads the file alone: it does not see the environment of this shell")
    file = _service_file(config)
    if print_only:
        typer.echo(file.content.decode("utf-16" if file.content.startswith(b"\xff\xfe") else "utf-8"))
        return
    _installed(services.install, file)
    typer.echo(f"installed: {file.path}")


@service.command("uninstall")
def uninstall_service(config: Config = None) -> None:
    """Stop it and remove it."""
    _installed(services.uninstall, _service_file(config))
    typer.echo("uninstalled")


@app.command("desktop-stand-in")
def desktop_stand_in(
    script: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Lines to play at once; see docs/use/agents.md.")
    ] = None,
    port: Annotated[list[int] | None, typer.Option(min=0, max=65_535, help="Instead of 50190, 50191, 50192.")] = None,
    typed: Annotated[bool, typer.Option(help="Play lines from standard input too.")] = True,
) -> None:
    """Stand in for the desktop app, for trials: plays a script, typed lines, and what is posted to /control."""
    lines = script.read_text(encoding=TEXT, errors="replace").splitlines() if script else []
    _carried_out(run_stand_in(port or PORTS, lines, reads_stdin=typed))


@app.command("simulate")
def simulate_fleet(  # noqa: PLR0913  # one parameter an option
    *,
    config: Config = None,
    as_json: Json = False,
    devices: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    hours: Annotated[
        float | None,
        typer.Option(min=0.01, help="From so many hours ago until now; left out, from now on until stopped."),
    ] = None,
    speed: Annotated[float, typer.Option(min=0.1, help="With --hours: simulated seconds in a second.")] = 60.0,
    start: Annotated[str | None, typer.Option(help="With --hours: from this instant, of an earlier run.")] = None,
    seed: Annotated[int, typer.Option(help="The same one is the same fleet.")] = 1,
    connections: Annotated[int, typer.Option(min=1, max=1000, help="Requests under way at once.")] = 32,
    history_days: Annotated[
        int, typer.Option(min=0, max=HISTORY_DAYS_MAX, help="First the calls of so many days before.")
    ] = 0,
    cut_after: Annotated[float | None, typer.Option(min=0, help="With --hours: when the network is cut.")] = None,
    cut_hours: Annotated[float, typer.Option(min=0, help="For how long it is cut.")] = 1.0,
    truth: Annotated[Path | None, typer.Option(help="A file for every call that arrived, as JSON lines.")] = None,
    supervised: Annotated[bool, typer.Option("--supervised", hidden=True)] = False,
) -> None:
    """Be a whole fleet, with shifts, calls and faults, through the agent API; for trials."""
    plan = Plan(
        devices=devices,
        speed=speed,
        hours=hours,
        start=_instant(start),
        seed=seed,
        connections=connections,
        history_days=history_days,
        cut_after=cut_after,
        cut_hours=cut_hours,
        truth=truth,
        ends_with_stdin=supervised,
    )

    def tell(one: Progress) -> None:
        typer.echo(msgspec.json.encode(one) if as_json else one.line(), err=True)

    summary = _carried_out(simulate(_settings(config), plan, tell))
    typer.echo(msgspec.json.encode(summary) if as_json else summary.text())


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(VERSION)


def _show_authorization(authorization: Authorization) -> None:
    typer.echo(f"open {authorization.verification_uri_complete}\nand confirm {authorization.user_code}", err=True)


def _carried_out(work: Coroutine[Any, Any, Result]) -> Result:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except Refused as refusal:
        _fail(f"{refusal}\n{REMEDIES.get(refusal.code, '')}".rstrip())
    except (AlreadyRunning, CommandUnclear, NoFreePort, OSError, ServerUnreachable, SpoolBroken) as error:
        _fail(str(error))


def _instant(text: str | None) -> int | None:
    try:
        return None if text is None else instant_ms(text)
    except ValueError:
        _fail(f"--start is an instant such as 2026-11-22T05:00:00.000Z, not {text!r}")


def _settings(config: Path | None) -> Settings:
    try:
        return read_settings(config, os.environ)
    except SettingWrong as error:
        _fail(str(error))


def _fail(sentence: str) -> NoReturn:
    if sys.stderr is None:  # the log tells it; its usual file, where the settings that name another cannot be read
        if not logging.getLogger().handlers:
            with contextlib.suppress(OSError):
                logging.basicConfig(handlers=[_log_file(default_state_folder())], format=LOG_FORMAT)
        log.error("%s", sentence)
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def _service_file(config: Path | None) -> services.ServiceFile:
    program, *rest = services.own_command()
    arguments = (*rest, "run", *(("--config", str(config.resolve())) if config else ()))
    return services.service_file(program, arguments)


def _installed(act: Any, file: services.ServiceFile) -> None:
    try:
        act(file)
    except (services.InstallFailed, OSError) as error:
        _fail(f"{error}\nthe file: {file.path}; install --print shows it")


def _print_rejected(folder: Path) -> None:
    spool = Spool(folder / SPOOL_FILE)
    try:
        for code, message, content in spool.rejections():
            typer.echo(f"{code}: {message}: {content.decode(errors='replace')}")
    finally:
        spool.close()


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items())
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _log_to(stream: TextIO | None, settings: Settings) -> None:
    """Log to the stream; where there is none, as in a session of Windows, to a file in the agent's folder."""
    try:
        handler = _log_file(settings.state_folder) if stream is None else logging.StreamHandler(stream)
    except OSError as error:
        _fail(str(error))
    logging.basicConfig(handlers=[handler], format=LOG_FORMAT)
    level = logging.getLevelNamesMapping().get(settings.log_level.upper())
    if level is None:
        _fail(f"log_level is debug, info, warning or error, not {settings.log_level!r}")
    logging.getLogger().setLevel(level)
    for noisy in ("socketio", "engineio", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


def _log_file(folder: Path) -> logging.Handler:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return RotatingFileHandler(folder / LOG_FILE, maxBytes=LOG_MAX_BYTES, backupCount=1, encoding="utf-8")


if __name__ == "__main__":
    main()
