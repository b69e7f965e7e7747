"""Every setting of Callfloor: one typed tree, read once from the environment, prefix ``CALLFLOOR_``."""

from __future__ import annotations

import ipaddress
import re
import sys
from email.utils import getaddresses
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from callfloor.foundation.ids import new_secret
from callfloor.foundation.limit_settings import AgentLimit, ApiLimit, ConversationsLimit, EventsLimit, RateLimit
from callfloor.foundation.small_files import make_private
from callfloor.foundation.subject import Subject, setting

_SECRET_KEY_LENGTH = 32

IpNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


def _http_url(value: str) -> str:
    if not value.startswith(("https://", "http://")) or "/" in value.split("//", 1)[1].rstrip("/"):
        raise ValueError("not an address")
    return value.rstrip("/")


def _database_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("sqlite:///", "postgresql://", "postgres://")):
        raise ValueError("not a database")
    return value


def _files_url(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith("s3://"):
        raise ValueError("not an object store")
    return value


def _import_location(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"(\d+/)?[A-Za-z0-9._-]{1,64}=(/|s3://).+", value.get_secret_value()):
        raise ValueError("not a location")
    return value


def _smtp_url(value: SecretStr) -> SecretStr:
    url = urlsplit(value.get_secret_value())
    if url.scheme not in {"smtp", "smtps"} or not url.hostname or url.path.strip("/") or url.query or url.fragment:
        raise ValueError("not a mail server")
    _ = url.port  # raises when it is no number of a port
    return value


def _mailbox(value: str) -> str:
    found = getaddresses([value])
    address = found[0][1]
    local, _, domain = address.rpartition("@")
    if len(found) != 1 or not (local and domain and address.isascii() and value.isprintable()):
        raise ValueError("not an address")
    return value


def _long_enough(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < _SECRET_KEY_LENGTH:
        raise ValueError("too short")
    return value


class Upload(Subject):
    """Limits of one uploaded recording."""

    max_bytes: int = setting(2_000_000_000, "Largest recording taken.", "a whole number of bytes, at least 1", ge=1)
    max_seconds: int = setting(6 * 3600, "Longest recording analyzed.", "whole seconds, at least 1", ge=1)
    resume_hours: int = setting(
        24, "How long a resumable upload waits for its next piece.", "whole hours from 1 to 720", ge=1, le=720
    )


class Imports(Subject):
    """Backfill: calls of years before."""

    locations: tuple[Annotated[SecretStr, AfterValidator(_import_location)], ...] = setting(
        (),
        "Places that imports of the API may read recordings from, separated by commas: `NAME=/folder` or "
        "`NAME=s3://KEY:SECRET@bucket/prefix?endpoint=…` for every team, `TEAM/NAME=…` for the team of this id alone.",
        "names with places such as monitor=/var/spool/asterisk/monitor, separated by commas",
    )
    max_table_bytes: int = setting(
        1_000_000_000, "Largest table that an import of the API takes.", "a whole number of bytes, at least 1", ge=1
    )


class Outgoing(Subject):
    """Requests to addresses that users name: webhooks, recordings to fetch."""

    allowed_networks: tuple[IpNetwork, ...] = setting(
        (),
        "Private addresses and networks that may be asked all the same, separated by commas; public ones always may.",
        "addresses or networks, separated by commas",
    )
    plain_http: bool = setting(False, "Take addresses that begin with http:// too.", "true or false")
    ca: Path | None = setting(
        None, "Certificates by which those servers are trusted, in PEM form; left out, the system's.", "a file"
    )


class Jobs(Subject):
    """How many jobs of each queue one worker runs at once."""

    default_concurrency: int = setting(
        4, "Jobs at once in the queue `default`.", "a whole number from 1 to 64", ge=1, le=64
    )
    speech_concurrency: int = setting(
        1, "Jobs at once in the queue `speech`.", "a whole number from 1 to 64", ge=1, le=64
    )
    imports_concurrency: int = setting(
        1, "Imports of the API at once; each keeps four files at once.", "a whole number from 1 to 16", ge=1, le=16
    )
    webhooks_concurrency: int = setting(
        8,
        "Webhooks sent at once; each waits up to 15 seconds for its answer.",
        "a whole number from 1 to 64",
        ge=1,
        le=64,
    )


class Live(Subject):
    """Live state of devices."""

    settle_seconds: int = setting(
        30,
        "How long a device must stay in a state before an event tells of it; what returns sooner is told to nobody.",
        "whole seconds from 0 to 3600",
        ge=0,
        le=3600,
    )
    streams: int = setting(
        1000, "Open live streams of one team in one server process.", "a whole number of at least 1", ge=1
    )
    history_days: int = setting(
        130,
        "How long the states of devices are kept; four calendar months are at most 123 days.",
        "whole days of at least 1",
        ge=1,
    )


class Speech(Subject):
    """Transcription."""

    model: str = setting(
        "base", "Name or folder of the speech model.", "the name or the folder of a model", min_length=1
    )
    threads: int = setting(2, "Threads that one transcription uses.", "a whole number from 1 to 64", ge=1, le=64)


class Billing(Subject):
    """What a new team starts with."""

    seat_price: int = setting(
        1000, "Price of one seat for a month, in minor units of the currency.", "a whole number of at least 0", ge=0
    )
    currency: str = setting(
        "USD", "Currency of new teams.", "a currency code of three capital letters", pattern=r"^[A-Z]{3}$"
    )


class Agent(Subject):
    """How agents of an email team sign in."""

    authorization_minutes: int = setting(
        15, "How long a machine waits for its person to confirm it.", "whole minutes from 1 to 60", ge=1, le=60
    )
    code_hours: int = setting(
        72,
        "How long a code works that an administrator makes for a person's agent.",
        "whole hours from 1 to 720",
        ge=1,
        le=720,
    )


class Ingest(Subject):
    """What agents report."""

    queue_events: int = setting(
        20_000,
        "Events that may wait to be written; beyond it requests are answered 503 and agents send them later.",
        "a whole number from 500 to 1000000",
        ge=500,
        le=1_000_000,
    )
    kept_days: int = setting(
        35,
        "How long events are kept as they were sent; one sent again within that time is known by its id.",
        "whole days, at least 30",
        ge=30,
    )


class Usage(Subject):
    """Finished calls, and what they add up to."""

    kept_months: int | None = setting(
        None,
        "For how many calendar months before this one calls and their sums are kept; left out, for ever.",
        "a whole number of at least 4",
        ge=4,
    )


class Erasure(Subject):
    """What is left of erased conversations in the database's files."""

    scrub_at_once_mb: int = setting(
        256,
        "Size of the SQLite file, in megabytes, up to which an erasure writes it anew before it ends; a larger one is "
        "written anew at night. Writers wait meanwhile.",
        "a whole number, 0 or more",
        ge=0,
    )


class Outbox(Subject):
    """The events that followers read: live state, webhooks."""

    kept_days: int = setting(
        30,
        "How long events are kept once every reader of them has gone on; what one has not read is kept.",
        "whole days, at least 1",
        ge=1,
    )


class Tls(Subject):
    """The certificate made on first start."""

    names: tuple[str, ...] = setting(
        (), "Further host names and addresses in the certificate, separated by commas.", "host names or addresses"
    )


class Files(Subject):
    """Where recordings and exports are kept."""

    url: Annotated[SecretStr, AfterValidator(_files_url)] | None = setting(
        None,
        "An S3 bucket instead of the folder `files` in the data folder: "
        "`s3://KEY:SECRET@bucket/prefix?region=eu-central-1&endpoint=https://host:9000`.",
        "an address that begins with s3://",
    )


class Log(Subject):
    """What the server says on stderr."""

    format: Literal["json", "text"] | None = setting(
        None, "Form of the log; left out, text on a terminal and JSON lines elsewhere.", "json or text"
    )
    level: Literal["debug", "info", "warning", "error"] = setting(
        "info", "Least important lines that are written.", "debug, info, warning or error"
    )


class Settings(Subject):
    """The whole tree; `environment.read_settings` fills it from the environment."""

    data: Path = setting(Path("data"), "Folder of the database, the recordings and the certificates.", "a folder")
    database: Annotated[SecretStr, AfterValidator(_database_url)] | None = setting(
        None,
        "Database; left out, `callfloor.db` in the data folder.",
        "an address that begins with sqlite:/// or postgresql://",
    )
    secret_key: Annotated[SecretStr, AfterValidator(_long_enough)] | None = setting(
        None,
        "Key of the keyed hashes of API keys; left out, `secret.key` in the data folder, made on first start. "
        "Several nodes on one database need the same.",
        f"at least {_SECRET_KEY_LENGTH} characters",
    )
    public_url: Annotated[str, AfterValidator(_http_url)] | None = setting(
        None,
        "Address under which people reach this server; left out, the host that was asked.",
        "an address such as https://host",
    )
    smtp_url: Annotated[SecretStr, AfterValidator(_smtp_url)] | None = setting(
        None,
        "Mail server: `smtp://host:port` (STARTTLS when it is offered) or `smtps://user:password@host`. Left out, mail "
        "waits until it is set.",
        "an address such as smtp://host:port or smtps://user:password@host",
    )
    smtp_ca: Path | None = setting(
        None, "Certificates by which the mail server is trusted, in PEM form; left out, the system's.", "a file"
    )
    mail_from: Annotated[str, AfterValidator(_mailbox)] | None = setting(
        None,
        "Sender of mail; left out, `callfloor@` and the host of CALLFLOOR_PUBLIC_URL, else of this machine.",
        "an address such as callfloor@company.example or Callfloor <callfloor@company.example>",
    )
    invitation_days: int = setting(
        7, "How long an invitation can be accepted.", "whole days from 1 to 365", ge=1, le=365
    )
    models_dir: Path | None = setting(
        None, "Folder of the speech models; left out, `share/callfloor/models` of the Python environment.", "a folder"
    )
    trusted_proxies: tuple[IpNetwork, ...] = setting(
        (),
        "Addresses and networks of reverse proxies whose X-Forwarded-For and X-Forwarded-Proto count, "
        "separated by commas.",
        "addresses or networks, separated by commas",
    )
    shutdown_grace_seconds: int = setting(
        30, "How long a stop waits for requests and jobs under way.", "whole seconds from 0 to 3600", ge=0, le=3600
    )
    strict_reads: bool = setting(
        False,
        "Fail a read that runs longer in the event loop than it may, instead of logging it; for tests.",
        "true or false",
    )
    rate_limit: RateLimit = RateLimit()
    conversations_limit: ConversationsLimit = ConversationsLimit()
    api_limit: ApiLimit = ApiLimit()
    agent_limit: AgentLimit = AgentLimit()
    events_limit: EventsLimit = EventsLimit()
    upload: Upload = Upload()
    imports: Imports = Imports()
    outgoing: Outgoing = Outgoing()
    jobs: Jobs = Jobs()
    live: Live = Live()
    speech: Speech = Speech()
    billing: Billing = Billing()
    agent: Agent = Agent()
    ingest: Ingest = Ingest()
    usage: Usage = Usage()
    outbox: Outbox = Outbox()
    erasure: Erasure = Erasure()
    tls: Tls = Tls()
    files: Files = Files()
    log: Log = Log()

    @property
    def database_url(self) -> str:
        """Return the database's address, the default included."""
        if self.database is None:
            return f"sqlite:///{self.data.absolute() / 'callfloor.db'}"
        return self.database.get_secret_value()

    @property
    def models_folder(self) -> Path:
        """Return the folder of the speech models, the default included."""
        return self.models_dir or Path(sys.prefix) / "share" / "callfloor" / "models"

    @property
    def hash_key(self) -> bytes:
        """Return the key of keyed hashes.

        Raises:
            RuntimeError: `with_secret_key` was not called.
        """
        if self.secret_key is None:
            raise RuntimeError("the secret key has not been read yet")
        return self.secret_key.get_secret_value().encode()


def with_secret_key(settings: Settings) -> Settings:
    """Return the settings with a secret key: the one set, else the data folder's, made now if it has none."""
    if settings.secret_key is not None:
        return settings
    path = settings.data / "secret.key"
    key = path.read_bytes() if path.exists() else make_private(path, f"{new_secret()}\n".encode())
    return settings.model_copy(update={"secret_key": SecretStr(key.decode("ascii").strip())})
