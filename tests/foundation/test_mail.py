"""Mail handed to a real mail server: plain, by STARTTLS, by TLS, signed in, refused, away, and set only later."""

from __future__ import annotations

import dataclasses
import email
import email.policy
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from callfloor.foundation.database import Database
from callfloor.foundation.environment import SettingsRefused, read_settings
from callfloor.foundation.files import open_files
from callfloor.foundation.ids import new_id
from callfloor.foundation.jobs import JobState, JobStatus, job_by_id
from callfloor.foundation.jobs.testing import drain
from callfloor.foundation.mail import (
    Action,
    Content,
    Mail,
    build_message,
    enqueue_mail,
    send_mail_kind,
    waiting_mail,
)
from callfloor.foundation.services import Services
from callfloor.foundation.settings import Settings
from tests.support.mail import MailServer, certificate_of_localhost

NOW = 1_800_000_000_000
Serve = Callable[..., MailServer]
ROOM = Content(
    subject="Your room",
    heading="Your room is ready",
    paragraphs=("It is <b>number 7</b> & quiet.", "Größe: 12 m²"),
    action=Action("Open the door", "https://callfloor.example/door?key=1&room=7"),
    closing="Nobody else got this.",
)


def render(_services: Services, _team_id: int | None, args: Mapping[str, Any]) -> Content | None:
    return dataclasses.replace(ROOM, subject=args["subject"]) if args["subject"] else None


KINDS = [send_mail_kind({"room": render})]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts mail servers and stops them at the end."""
    started: list[MailServer] = []

    def start(**options: Any) -> MailServer:
        server = MailServer(**options)
        started.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem` and `server.pem`, for localhost."""
    return certificate_of_localhost(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def team_id(db: Database) -> int:
    """A number that no other test's jobs have."""
    return int(new_id().replace("-", "")[:12], 16)


@pytest.fixture
def send(db: Database, tmp_path: Path, team_id: int) -> Callable[..., JobStatus]:
    """Enqueue a mail, run what is due, return the job."""

    def run(url: str | None, *, subject: str = "Hello", to: str = "ada@people.example", **settings: Any) -> JobStatus:
        mail = Mail(to, "room", {"subject": subject}, team_id, NOW)
        job_id = db.write_now(lambda tx: enqueue_mail(tx, mail))
        drain(services_of(db, tmp_path, url, **settings), KINDS, now=NOW, team_id=team_id)
        return status_of(db, job_id)

    return run


def services_of(db: Database, data: Path, url: str | None, **settings: Any) -> Services:
    read = Settings(
        data=data,
        smtp_url=SecretStr(url) if url else None,
        mail_from=settings.pop("mail_from", "Front desk <desk@callfloor.example>"),
        **settings,
    )
    return Services(read, db, open_files(read))


def status_of(db: Database, job_id: str) -> JobStatus:
    status = db.read_now(functools.partial(job_by_id, job_id=job_id))
    assert status is not None
    return status


def reason_of(status: JobStatus) -> str:
    return str(status.errors[-1]["error"])


def test_a_mail_arrives_with_its_two_parts(serve: Serve, send: Callable[..., JobStatus]) -> None:
    server = serve()

    status = send(server.url)

    assert status.state is JobState.DONE
    (mail,) = server.mails
    assert (mail.sender, mail.recipients) == ("desk@callfloor.example", ["ada@people.example"])
    assert mail.message["From"] == "Front desk <desk@callfloor.example>"
    assert mail.message["To"] == "ada@people.example"
    assert mail.message["Subject"] == "Hello"
    assert mail.message["Message-ID"] == f"<{status.id}@callfloor.example>"
    text, html = mail.body("plain"), mail.body("html")
    assert "It is <b>number 7</b> & quiet." in text
    assert "https://callfloor.example/door?key=1&room=7" in text
    assert "It is &lt;b&gt;number 7&lt;/b&gt; &amp; quiet." in html
    assert 'href="https://callfloor.example/door?key=1&amp;room=7"' in html
    assert "Größe: 12 m²" in text
    assert "Größe: 12 m²" in html
    assert not any(word in html for word in ("src=", "@import", "url(", "<script", "<link"))


def test_starttls_is_used_when_it_is_offered(serve: Serve, send: Callable[..., JobStatus], certificate: Path) -> None:
    server = serve(certificate=certificate, starttls=True)

    assert send(server.url).state is JobState.DONE

    assert [mail.is_tls for mail in server.mails] == [True]


def test_a_certificate_that_is_not_trusted_is_refused(
    serve: Serve, send: Callable[..., JobStatus], certificate: Path, tmp_path: Path
) -> None:
    other = certificate_of_localhost(tmp_path / "other")
    server = serve(certificate=certificate, tls=True)

    refused = send(server.url, smtp_ca=other / "ca.pem")
    taken = send(server.url, smtp_ca=certificate / "ca.pem")

    assert refused.state is JobState.RETRYING
    assert "CERTIFICATE_VERIFY_FAILED" in reason_of(refused)
    assert taken.state is JobState.DONE
    assert [mail.is_tls for mail in server.mails] == [True]


def test_it_signs_in(serve: Serve, send: Callable[..., JobStatus], certificate: Path) -> None:
    server = serve(certificate=certificate, starttls=True, user="desk@callfloor", password="p@ss:w/rd")

    wrong = send(server.url_with("desk%40callfloor:wrong"))
    right = send(server.url_with("desk%40callfloor:p%40ss%3Aw%2Frd"))

    assert (wrong.state, right.state) == (JobState.RETRYING, JobState.DONE)
    assert "535" in reason_of(wrong)
    assert "desk%40callfloor" not in reason_of(wrong)
    assert len(server.mails) == 1


def test_a_recipient_refused_for_good_ends_the_job(serve: Serve, send: Callable[..., JobStatus]) -> None:
    server = serve(answers=["550 5.1.1 nobody of this name"])

    status = send(server.url)

    assert status.state is JobState.FAILED
    assert "nobody of this name" in reason_of(status)


def test_what_is_refused_for_now_comes_again_as_the_same_message(
    db: Database, serve: Serve, send: Callable[..., JobStatus], tmp_path: Path, team_id: int
) -> None:
    server = serve(lose=1)

    first = send(server.url)
    drain(services_of(db, tmp_path, server.url), KINDS, now=NOW + 3_600_000, team_id=team_id)

    assert first.state is JobState.RETRYING
    assert status_of(db, first.id).state is JobState.DONE
    assert len(server.mails) == 2
    assert server.mails[0].raw == server.mails[1].raw


def test_without_a_mail_server_the_mail_waits_and_says_why(
    db: Database, serve: Serve, send: Callable[..., JobStatus], tmp_path: Path, team_id: int
) -> None:
    waiting = send(None)
    seen = db.read_now(waiting_mail)
    server = serve()
    drain(services_of(db, tmp_path, server.url), KINDS, now=NOW + 3_600_000, team_id=team_id)

    assert waiting.state is JobState.RETRYING
    assert "CALLFLOOR_SMTP_URL is not set" in reason_of(waiting)
    assert seen is not None
    assert seen.count >= 1
    assert status_of(db, waiting.id).state is JobState.DONE
    assert len(server.mails) == 1


def test_a_server_that_is_away_is_tried_again(send: Callable[..., JobStatus], serve: Serve) -> None:
    server = serve()
    url = server.url
    server.stop()

    assert send(url).state is JobState.RETRYING


def test_a_mail_without_meaning_is_not_sent(serve: Serve, send: Callable[..., JobStatus]) -> None:
    server = serve()

    assert send(server.url, subject="").state is JobState.DONE

    assert server.mails == []


def test_a_subject_cannot_add_headers(serve: Serve, send: Callable[..., JobStatus]) -> None:
    server = serve()

    send(server.url, subject="Hello\r\nBcc: everybody@people.example\r\n\r\nbody")

    (mail,) = server.mails
    assert mail.recipients == ["ada@people.example"]
    assert mail.message["Bcc"] is None
    assert mail.message["Subject"] == "Hello Bcc: everybody@people.example body"


@pytest.mark.parametrize("to", ["ada@people.example\r\nBcc: eve@people.example", "ada@people.example\nX: y"])
def test_an_address_with_a_line_break_is_no_address(to: str) -> None:
    with pytest.raises(ValueError, match=r"(?i)invalid"):
        build_message(ROOM, sender="desk@callfloor.example", to=to, message_id="1", at=NOW)


def test_a_domain_of_another_script_is_sent_as_dns_knows_it(serve: Serve, send: Callable[..., JobStatus]) -> None:
    server = serve()

    assert send(server.url, to="ada@bücher.example").state is JobState.DONE

    assert server.mails[0].recipients == ["ada@xn--bcher-kva.example"]


def test_the_same_arguments_make_the_same_bytes() -> None:
    first, second = (
        build_message(ROOM, sender="a@b.example", to="c@d.example", message_id="1", at=NOW) for _ in range(2)
    )

    assert first.as_bytes() == second.as_bytes()
    parsed = email.message_from_bytes(first.as_bytes(), policy=email.policy.default)
    assert parsed["Date"] == "Fri, 15 Jan 2027 08:00:00 +0000"


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtp://", "smtp://mail.example:port", "smtps://mail.example/inbox"]
)
def test_a_wrong_mail_server_stops_the_start_without_showing_it(url: str) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read_settings({"CALLFLOOR_SMTP_URL": url})

    assert "CALLFLOOR_SMTP_URL must be" in str(refused.value)
    assert "not shown here" in str(refused.value)


@pytest.mark.parametrize("sender", ["desk", "a@b, c@d", "Desk <desk>", "x\ny <a@b.example>"])
def test_a_wrong_sender_stops_the_start(sender: str) -> None:
    with pytest.raises(SettingsRefused, match="CALLFLOOR_MAIL_FROM must be"):
        read_settings({"CALLFLOOR_MAIL_FROM": sender})
