"""Sources: events that the host fetches."""

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass
class Position:
    """Where a read begins, and how much it may give."""

    #: What an earlier page gave as its cursor; `None` where the source begins.
    cursor: str | None
    #: The most events that the page may have, 1 at least.
    limit: int


@dataclass
class SourceEvent(Generic[T]):
    """Something that happened upstream."""

    #: The same whenever the same event is read: the host takes it once.
    id: str
    #: What happened, such as `rate.changed`.
    kind: str
    #: What the flow gets.
    data: T
    #: What it is about.
    subject: str | None = None
    #: When it happened (RFC 3339).
    time: str | None = None


@dataclass
class SourcePage(Generic[T]):
    """Events in order, and where the next read goes on."""

    #: `Position.limit` of them at most.
    events: list[SourceEvent[T]]
    #: Where they end. `None`: nothing is new, the cursor stays.
    cursor: str | None = None
    #: Whether there is more behind the cursor now.
    more: bool = False
