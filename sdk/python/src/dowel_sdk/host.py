"""What an operation reaches the world through: the real host, or a fake one in tests."""

from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class OutgoingRequest:
    """A request that is complete."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes | None
    #: The longest time for the whole exchange, in seconds.
    timeout: float = 0.0


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    body: bytes = b""


class TransportError(Exception):
    """Nothing came back, or not all of it.

    `reason` is `timeout`, `unavailable`, `denied` (by the gateway) or `broken`; `code` is the
    name that `wasi:http` has for it.
    """

    def __init__(self, reason: str, code: str) -> None:
        super().__init__(code)
        self.reason = reason
        self.code = code


class Host(Protocol):
    """The host's side."""

    def log(self, level: str, message: str, fields: str) -> None:
        """Writes to the run's log."""

    def now(self) -> int:
        """Wall clock, in milliseconds since 1970."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Cryptographically secure."""
        ...

    def monotonic(self) -> float:
        """Seconds from some moment."""
        ...

    def send(self, request: OutgoingRequest) -> Answer:
        """One exchange. Raises `TransportError`."""
        ...
