"""The jobs of invitations: what a mail says when it is sent, and seats that come back by the clock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from callfloor.access.audit import OPERATOR
from callfloor.foundation.clock import DAY
from callfloor.foundation.database import Database
from callfloor.foundation.files import open_files
from callfloor.foundation.jobs import Enqueue, enqueue
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.mail import send_mail_kind
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from callfloor.teams.invitation_endings import revoke_invitation
from callfloor.teams.invitation_links import link_of, new_link
from callfloor.teams.invitation_mail import INVITATION_MAIL, invitation_mail
from callfloor.teams.invitation_sendings import ResendInvitation, resend_invitation
from callfloor.teams.jobs import EXPIRE_INVITATIONS
from callfloor.teams.tables import Payment
from callfloor.teams.teams import Team
from tests.factories.invitations import BASE, HASH_KEY, NOW, invitation_of, invite
from tests.factories.teams import make_team
from tests.support.mail import MailServer
from tests.teams.counting import seats_of

KINDS = [send_mail_kind({INVITATION_MAIL: invitation_mail}), EXPIRE_INVITATIONS]


def invoice_team(db: Database) -> Team:
    """Make a team without jobs of its own: nothing is to be paid."""
    return make_team(db, payment=Payment.INVOICE, seats=1)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    """A mail server."""
    server = MailServer()
    yield server
    server.stop()


@pytest.fixture
def services(db: Database, mail: MailServer, tmp_path: Path) -> Services:
    """Services that send to the mail server."""
    settings = Settings(
        data=tmp_path,
        smtp_url=SecretStr(mail.url),
        mail_from="desk@callfloor.example",
        secret_key=SecretStr(HASH_KEY.decode()),
    )
    return Services(settings, db, open_files(settings))


def test_the_mail_has_the_link_of_the_newest_sending_alone(services: Services, mail: MailServer) -> None:
    team = invoice_team(services.db)
    command, link = invitation_of(team), new_link(HASH_KEY)
    invited = invite(services.db, command)
    again = ResendInvitation(team.id, invited.id, link, BASE, NOW + 8 * DAY, OPERATOR, NOW + DAY)
    services.db.write_now(lambda tx: resend_invitation(tx, again))

    attempted = drain(services, KINDS, now=NOW + DAY, team_id=team.id)

    assert len(attempted) == 2
    (received,) = mail.mails
    text = received.body("plain")
    assert received.recipients == [command.email]
    assert link_of(BASE, link.nonce, HASH_KEY) in text
    assert team.name in text
    assert "23 January 2027, 08:00 UTC" in text


def test_no_mail_is_sent_for_an_invitation_that_was_revoked_meanwhile(services: Services, mail: MailServer) -> None:
    team = invoice_team(services.db)
    invited = invite(services.db, invitation_of(team))
    services.db.write_now(lambda tx: revoke_invitation(tx, team.id, invited.id, actor=OPERATOR, now=NOW))

    drain(services, KINDS, now=NOW, team_id=team.id)

    assert mail.mails == []


def test_the_public_address_of_the_settings_wins(services: Services, mail: MailServer, db: Database) -> None:
    team = invoice_team(db)
    command = invitation_of(team)
    invite(db, command)
    settings = services.settings.model_copy(update={"public_url": "https://desk.example"})

    drain(Services(settings, db, services.files), KINDS, now=NOW, team_id=team.id)

    assert link_of("https://desk.example", command.link.nonce, HASH_KEY) in mail.mails[0].body("html")


def test_the_clock_gives_seats_back(services: Services, mail: MailServer) -> None:
    team, other = invoice_team(services.db), invoice_team(services.db)
    for each in (team, other):
        invite(services.db, invitation_of(each, days=1))

    services.db.write_now(lambda tx: enqueue(tx, Enqueue(EXPIRE_INVITATIONS.name, {}, team.id, NOW + DAY)))
    drain(services, KINDS, now=NOW + DAY, team_id=team.id)

    for each in (team, other):
        assert [status for _, status, _ in seats_of(services.db, each.id)] == ["unassigned"]
