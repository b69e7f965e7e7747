"""The peer of the seats page: FastAPI, SQLAlchemy's async ORM and response models, as their documentation shows them.

It has the product's tables, indexes, kept totals and way to a far page, so that programs are compared and not
algorithms. It takes a key and limits nobody. BENCH_DATABASE and BENCH_HASH_KEY tell it where and with which key.
"""

from __future__ import annotations

import datetime
import hmac
import os
import uuid
from collections.abc import AsyncIterator, Iterable
from typing import Annotated, Generic, Literal, TypeVar

from fastapi import Depends, FastAPI, HTTPException, Query
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, BeforeValidator, ConfigDict
from sqlalchemy import BigInteger, ForeignKey, and_, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, joinedload, mapped_column, relationship

BUCKET_BITS = 10
STRETCH_BITS = 5
WALK_LIMIT = 1024
T = TypeVar("T")


def _async_url(url: str) -> str:
    return url.replace("sqlite:///", "sqlite+aiosqlite:///").replace("postgresql://", "postgresql+psycopg://")


hash_key = bytes.fromhex(os.environ["BENCH_HASH_KEY"])
engine = create_async_engine(_async_url(os.environ["BENCH_DATABASE"]), pool_size=8)
new_session = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """Every table."""

    type_annotation_map = {int: BigInteger}  # noqa: RUF012  # as SQLAlchemy declares it


class AccessKey(Base):
    """A key of a team."""

    __tablename__ = "access_key"
    team_id: Mapped[int] = mapped_column(ForeignKey("team.id"), primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]
    team: Mapped[Team] = relationship()


class AccessKeySecret(Base):
    """A secret of a key."""

    __tablename__ = "access_key_secret"
    team_id: Mapped[int] = mapped_column(primary_key=True)
    key_id: Mapped[int] = mapped_column(primary_key=True)
    secret_hash: Mapped[bytes] = mapped_column(primary_key=True)


class Team(Base):
    """A tenant."""

    __tablename__ = "team"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    type: Mapped[str]


class Account(Base):
    """A person."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str]


class Seat(Base):
    """A seat."""

    __tablename__ = "seat"
    team_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(primary_key=True)
    type: Mapped[str]
    status: Mapped[str]
    role: Mapped[str]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    hostname: Mapped[str | None]
    nickname: Mapped[str | None]
    created_at: Mapped[int]
    assigned_at: Mapped[int | None]
    last_active_at: Mapped[int | None]
    user: Mapped[Account | None] = relationship()


class SeatTotal(Base):
    """How many seats, kept."""

    __tablename__ = "seat_total"
    team_id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    seats: Mapped[int]


class SeatBucket(Base):
    """How many seats in each range of ids, kept."""

    __tablename__ = "seat_bucket"
    team_id: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    bucket: Mapped[int] = mapped_column(primary_key=True)
    seats: Mapped[int]


class SeatStretch(Base):
    """How many seats in each stretch of 32 buckets, kept."""

    __tablename__ = "seat_stretch"
    team_id: Mapped[int] = mapped_column(primary_key=True)
    stretch: Mapped[int] = mapped_column(primary_key=True)
    status: Mapped[str] = mapped_column(primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    seats: Mapped[int]


def _iso(value: int | None) -> str | None:
    if value is None:
        return None
    moment = datetime.datetime.fromtimestamp(value / 1000, datetime.UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


Instant = Annotated[str, BeforeValidator(_iso)]
InstantOrNone = Annotated[str | None, BeforeValidator(_iso)]
Role = Annotated[str, BeforeValidator(lambda role: "analyst" if role == "analytics" else role)]


class SeatUser(BaseModel):
    """The person on a seat."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    email: str
    first_name: str
    last_name: str


class SeatRow(BaseModel):
    """A row of the page."""

    model_config = ConfigDict(from_attributes=True)
    id: int
    type: str
    status: str
    role: Role
    hostname: str | None
    nickname: str | None
    user: SeatUser | None
    created_at: Instant
    assigned_at: InstantOrNone
    last_active_at: InstantOrNone


class Rows(BaseModel):
    """The page."""

    model_config = ConfigDict(from_attributes=True)
    rows: list[SeatRow]
    count: int


class Envelope(BaseModel, Generic[T]):
    """Around every answer."""

    model_config = ConfigDict(from_attributes=True)
    code: int = 0
    message: str = "Success"
    data: T
    req_id: str


class NewSeats(BaseModel):
    """Seats to add."""

    count: int


class SeatQuery(BaseModel):
    """The query of the list."""

    status: Literal["unassigned", "invited", "assigned"]
    page: int = 1
    perPage: int = 20  # noqa: N815  # the wire's name


async def session() -> AsyncIterator[AsyncSession]:
    """Yield the request's session."""
    async with new_session() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def signed_in(credentials: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())], db: Session) -> Team:
    """Return the team of the key."""
    secret_hash = hmac.digest(hash_key, credentials.password.encode(), "sha256")
    statement = (
        select(AccessKey)
        .join(
            AccessKeySecret,
            and_(AccessKeySecret.team_id == AccessKey.team_id, AccessKeySecret.key_id == AccessKey.id),
        )
        .options(joinedload(AccessKey.team))
        .where(AccessKeySecret.secret_hash == secret_hash, AccessKey.kind == "portal")
    )
    key = await db.scalar(statement)
    if key is None or not hmac.compare_digest(key.name, credentials.username):
        raise HTTPException(status_code=401)
    return key.team


SignedIn = Annotated[Team, Depends(signed_in)]
app = FastAPI()


@app.get("/api/v1/seats", response_model=Envelope[Rows])
async def list_seats(team: SignedIn, db: Session, asked: Annotated[SeatQuery, Query()]) -> object:
    """Answer a page of seats."""
    total = await db.scalar(
        select(func.coalesce(func.sum(SeatTotal.seats), 0)).where(
            SeatTotal.team_id == team.id, SeatTotal.status == asked.status
        )
    )
    from_id, skip = 0, (asked.page - 1) * asked.perPage
    if skip > WALK_LIMIT:
        from_id, skip = await _position(db, team.id, asked.status, skip)
    seats = await db.scalars(
        select(Seat)
        .options(joinedload(Seat.user))
        .where(Seat.team_id == team.id, Seat.status == asked.status, Seat.id >= from_id)
        .order_by(Seat.id)
        .limit(asked.perPage)
        .offset(skip)
    )
    return {"data": {"rows": seats.all(), "count": total}, "req_id": str(uuid.uuid4())}


async def _position(db: AsyncSession, team_id: int, status: str, skip: int) -> tuple[int, int]:
    stretches = await db.execute(
        select(SeatStretch.stretch, func.sum(SeatStretch.seats))
        .where(SeatStretch.team_id == team_id, SeatStretch.status == status)
        .group_by(SeatStretch.stretch)
        .order_by(SeatStretch.stretch)
    )
    stretch, skip = _within(stretches.tuples(), skip)
    first = stretch << STRETCH_BITS
    buckets = await db.execute(
        select(SeatBucket.bucket, func.sum(SeatBucket.seats))
        .where(SeatBucket.team_id == team_id, SeatBucket.status == status)
        .where(SeatBucket.bucket.between(first, first + (1 << STRETCH_BITS) - 1))
        .group_by(SeatBucket.bucket)
        .order_by(SeatBucket.bucket)
    )
    bucket, skip = _within(buckets.tuples(), skip)
    return bucket << BUCKET_BITS, skip


def _within(parts: Iterable[tuple[int, int]], offset: int) -> tuple[int, int]:
    found = 0
    for part, seats in parts:
        found = part
        if offset < seats:
            break
        offset -= int(seats)
    return found, offset


@app.post("/api/v1/seats")
async def add_seats(team: SignedIn, db: Session, new: NewSeats) -> dict[str, int]:
    """Add free seats."""
    last = await db.scalar(select(func.max(Seat.id)).where(Seat.team_id == team.id)) or 0
    for number in range(new.count):
        seat_id = last + 1 + number
        db.add(Seat(team_id=team.id, id=seat_id, type=team.type, status="unassigned", role="user", created_at=0))
        await _count(db, team.id, seat_id, 1)
    await db.commit()
    return {"added": new.count}


@app.delete("/api/v1/seats/{seat_id}")
async def delete_seat(team: SignedIn, db: Session, seat_id: int) -> dict[str, int]:
    """Delete a free seat."""
    seat = await db.get(Seat, (team.id, seat_id))
    if seat is None or seat.status != "unassigned":
        raise HTTPException(status_code=400)
    await db.delete(seat)
    await _count(db, team.id, seat_id, -1)
    await db.commit()
    return {"id": seat_id}


async def _count(db: AsyncSession, team_id: int, seat_id: int, by: int) -> None:
    free = {"team_id": team_id, "status": "unassigned", "role": "user"}
    await db.execute(update(SeatTotal).filter_by(**free).values(seats=SeatTotal.seats + by))
    stretch, bucket = seat_id >> BUCKET_BITS + STRETCH_BITS, seat_id >> BUCKET_BITS
    await db.execute(update(SeatStretch).filter_by(**free, stretch=stretch).values(seats=SeatStretch.seats + by))
    await db.execute(update(SeatBucket).filter_by(**free, bucket=bucket).values(seats=SeatBucket.seats + by))
