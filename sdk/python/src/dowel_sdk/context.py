"""What an operation may use."""

from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from .host import Host
from .http import Http
from .shape import write

C = TypeVar("C")

#: The most random bytes of one request, by the contract.
_MAX_RANDOM_BYTES = 4096


class Level(Enum):
    """How much a line of the log matters."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


@dataclass(frozen=True)
class Call:
    """What the host tells about the call."""

    run_id: str
    step: str
    idempotency_key: str
    #: In milliseconds.
    deadline_ms: int


class Context(Generic[C]):
    """What one call of an operation may use: the connection's configuration, HTTP, the log,
    time and random bytes. There is no other way out of the sandbox."""

    def __init__(self, config: C, call: Call, host: Host) -> None:
        self._call = call
        self._host = host
        self._ends = host.monotonic() + call.deadline_ms / 1000
        #: The connection's configuration. It holds no secrets.
        self.config = config
        #: HTTP through the host's gateway, which checks the address and adds credentials.
        self.http = Http(host, getattr(config, "base_url", None), self._ends)

    @property
    def run_id(self) -> str:
        """The run that this call belongs to."""
        return self._call.run_id

    @property
    def step(self) -> str:
        """The step's path in the run, such as `items[3].invoice`."""
        return self._call.step

    @property
    def idempotency_key(self) -> str:
        """The same for every attempt of this step of this run. The host sends it as
        `Idempotency-Key`; use it where an API wants it elsewhere, such as in the body."""
        return self._call.idempotency_key

    def remaining(self) -> float:
        """The time left for this call, in seconds."""
        return max(0.0, self._ends - self._host.monotonic())

    def log(self, level: Level, message: str, **fields: Any) -> None:
        """Writes to the run's log. Keep payloads and credentials out of it."""
        self._host.log(level.value, message, write(fields))

    def now(self) -> int:
        """The host's wall clock, in milliseconds since 1970-01-01T00:00:00Z."""
        return self._host.now()

    def random_bytes(self, count: int) -> bytes:
        """Cryptographically secure random bytes. (`random` is seeded when the connector is
        built, and gives every instance the same numbers.)"""
        if not 0 <= count <= _MAX_RANDOM_BYTES:
            raise ValueError(f"the host gives {_MAX_RANDOM_BYTES} random bytes at most")
        return self._host.random_bytes(count)
