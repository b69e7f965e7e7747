"""`callfloor team …`, `callfloor user …`."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Annotated

import typer

from callfloor.access.accounts import NewMember, checked_email
from callfloor.access.audit import OPERATOR
from callfloor.access.secrets import hash_password, keyed_hash
from callfloor.access.tables import Role
from callfloor.foundation import clock
from callfloor.foundation.command_line import AsJson, Data, DatabaseUrl, answer, opened
from callfloor.foundation.database import Tx
from callfloor.foundation.ids import new_secret
from callfloor.foundation.settings import Settings
from callfloor.foundation.small_files import replace
from callfloor.teams.people import add_person
from callfloor.teams.seats import ADD_LIMIT, AddSeats, add_seats
from callfloor.teams.tables import Payment, TeamType
from callfloor.teams.team_settings import set_seat_price
from callfloor.teams.teams import (
    CreateTeam,
    SetBilling,
    Team,
    add_domain,
    create_team,
    rotate_device_secret,
    set_billing,
    set_inviting,
)

app = typer.Typer(name="team", help="Teams: the tenants of this installation.", no_args_is_help=True)
domain_app = typer.Typer(name="domain", help="E-mail domains of a team's own people.", no_args_is_help=True)
app.add_typer(domain_app)
user_app = typer.Typer(name="user", help="People of a team.", no_args_is_help=True)

TeamId = Annotated[int, typer.Argument(metavar="ID", help="The team's id.")]


@app.command("create")
def create(  # noqa: PLR0917  # one parameter an option
    name: Annotated[str, typer.Argument(help="What the team is called.")],
    type_: Annotated[TeamType, typer.Option("--type", help="Whether a seat is a machine or a person.")],
    payment: Annotated[Payment, typer.Option(help="How it pays.")] = Payment.CARD,
    seats: Annotated[int, typer.Option(min=0, max=ADD_LIMIT, help="Free seats to begin with.")] = 0,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Make a team; the secret of a device team is shown only here."""
    secret = new_secret() if type_ is TeamType.DEVICE else None
    with opened(data, database) as services:
        command = _create_team_command(services.settings, name, type_, payment, secret)
        team = services.db.write_now(functools.partial(_create_with_seats, command=command, seats=seats))
        result: dict[str, object] = {"team_id": team.id, "client_id": team.client_id}
        if secret is not None:
            result["device_secret"] = secret
        answer(result, as_json=as_json)


@app.command("set")
def set_(  # noqa: PLR0917  # one parameter an option
    team_id: TeamId,
    payment: Annotated[Payment | None, typer.Option(help="How it pays from now on.")] = None,
    activity_billing: Annotated[
        str | None, typer.Option(metavar="on|off", help="Whether an invoice team may add seats itself.")
    ] = None,
    inviting: Annotated[
        str | None, typer.Option(metavar="on|off", help="Whether an email team may invite people.")
    ] = None,
    seat_price: Annotated[
        int | None, typer.Option(min=0, help="What a seat costs a month from now on, in minor units.")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Change how and what a team pays, and whether it may invite people."""
    activity = _on_or_off(activity_billing, "--activity-billing")
    enabled = _on_or_off(inviting, "--inviting")
    with opened(data, database) as services:
        now = clock.now()

        def change(tx: Tx) -> Team:
            team = set_billing(tx, SetBilling(team_id, payment, activity, OPERATOR, now))
            if enabled is not None:
                team = set_inviting(tx, team_id, enabled=enabled, actor=OPERATOR, now=now)
            if seat_price is not None:
                team = set_seat_price(tx, team_id, seat_price, actor=OPERATOR, now=now)
            return team

        team = services.db.write_now(change)
        answer(
            {
                "team_id": team.id,
                "payment": team.payment.value,
                "activity_billing": team.activity_billing,
                "inviting": team.inviting_enabled,
                "seat_price": team.seat_price,
                "currency": team.currency,
            },
            as_json=as_json,
        )


@app.command("secret")
def secret(
    team_id: TeamId,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new one; the old one stops working.")] = False,
    file: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Write it to this file too, which only its owner may read.")
    ] = None,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Replace the secret by which machines join a device team; it is shown once."""
    if not rotate:
        raise typer.BadParameter("the secret is kept only as a hash; --rotate makes a new one", param_hint="--rotate")
    fresh = new_secret()
    with opened(data, database) as services:
        hashed = keyed_hash(fresh, key=services.settings.hash_key)
        now = clock.now()
        services.db.write_now(lambda tx: rotate_device_secret(tx, team_id, hashed, actor=OPERATOR, now=now))
        shown: dict[str, object] = {"team_id": team_id, "device_secret": fresh}
        answer(shown if file is None else {**shown, "file": str(file)}, as_json=as_json)
        if file is not None:  # last, so that a file that cannot be written does not lose the secret
            replace(file, f"{fresh}\n".encode())


@domain_app.command("add")
def domain_add(
    team_id: TeamId,
    domain: Annotated[str, typer.Argument(help="For example company.example.")],
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Say that people of this e-mail domain are the team's own."""
    with opened(data, database) as services:
        now = clock.now()
        added = services.db.write_now(lambda tx: add_domain(tx, team_id, domain, actor=OPERATOR, now=now))
        answer({"team_id": team_id, "domain": added}, as_json=as_json)


@user_app.command("create")
def user_create(  # noqa: PLR0917  # one parameter an option
    email: Annotated[str, typer.Argument(help="The person's e-mail address.")],
    team: Annotated[int, typer.Option("--team", metavar="ID", help="The team's id.")],
    role: Annotated[Role, typer.Option(help="What the person may do.")] = Role.USER,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read a password of 12 characters or more from stdin.")
    ] = False,
    data: Data = None,
    database: DatabaseUrl = None,
    as_json: AsJson = False,
) -> None:
    """Add a person to a team; in an email team a free seat is taken."""
    with opened(data, database) as services:
        checked_email(email)
        password_hash = hash_password(sys.stdin.readline().rstrip("\r\n")) if password_stdin else None
        member = NewMember(team, email, role, clock.now(), password_hash=password_hash)
        added = services.db.write_now(lambda tx: add_person(tx, member, OPERATOR))
        result: dict[str, object] = {
            "user_id": added.account_id,
            "email": email.strip(),
            "role": role.value,
            "seat_id": added.seat_id,
        }
        answer(result, as_json=as_json)


def _on_or_off(value: str | None, option: str) -> bool | None:
    if value not in {None, "on", "off"}:
        raise typer.BadParameter("must be on or off", param_hint=option)
    return None if value is None else value == "on"


def _create_team_command(
    settings: Settings, name: str, type_: TeamType, payment: Payment, secret_: str | None
) -> CreateTeam:
    return CreateTeam(
        name=name,
        type=type_,
        payment=payment,
        seat_price=settings.billing.seat_price,
        currency=settings.billing.currency,
        device_secret_hash=keyed_hash(secret_, key=settings.hash_key) if secret_ else None,
        actor=OPERATOR,
        now=clock.now(),
    )


def _create_with_seats(tx: Tx, command: CreateTeam, seats: int) -> Team:
    team = create_team(tx, command)
    if seats:
        add_seats(tx, AddSeats(team.id, seats, command.actor, command.now))
    return team
