"""Runs a connector under `unittest`, without Wasm: what stands in the place of the network is
a script of expected exchanges."""

import re
from dataclasses import dataclass, field
from typing import Any

from . import json_text
from .connector import Connector
from .context import Call, Context
from .host import Answer, OutgoingRequest, TransportError
from .shape import reader
from .sources import Position, SourcePage

#: What the clock of a new host shows: 2026-01-01T00:00:00Z.
START_MS = 1_767_225_600_000


@dataclass
class Exchange:
    """A request that is expected, and what comes back.

    A URL that begins with `/` is under the configuration's `base_url`. `fails` is the reason
    for which nothing comes back: `timeout`, `unavailable`, `denied` or `broken`.
    """

    method: str
    url: str
    status: int = 200
    reply: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    #: What the request must carry, if it matters.
    body: str | None = None
    fails: str | None = None


class FakeHost:
    """A host for one connector and configuration.

    Use it in a `with` block: at its end every expected request must have come.
    """

    def __init__(self, connector: Connector, config: dict[str, Any], deadline_ms: int = 30_000):
        self._connector = connector
        self._config = json_text.write(config)
        self._base = str(config.get("base_url", "")).rstrip("/")
        self._rules = [_rule(rule, config) for rule in connector.egress]
        self._deadline_ms = deadline_ms
        self._script: list[Exchange] = []
        self._elapsed = 0.0
        #: Every request that was sent.
        self.sent: list[OutgoingRequest] = []
        #: Every line of the log: level, message, fields as JSON text.
        self.logs: list[tuple[str, str, str]] = []

    def __enter__(self) -> "FakeHost":
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        if kind is None and self._script:
            left = self._script[0]
            raise AssertionError(f"{left.method} {left.url} is expected and never came")

    def expect(self, method: str, url: str, **rest: Any) -> None:
        """Adds a request that is expected next; the rest is that of :class:`Exchange`."""
        self._script.append(Exchange(method, url, **rest))

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._elapsed += seconds

    def context(self) -> Context[Any]:
        """The context of a new call."""
        run = "019b76da-a800-7000-8000-000000000000"
        call = Call(run, "step", "dowel-test-key", self._deadline_ms)
        return self._connector.context(self._config, call, self)

    def call(self, operation: str, text: str) -> str:
        """Calls an operation: JSON text in, JSON text out."""
        return self._connector.call(self.context(), operation, text)

    def read(self, source: str, params: str, cursor: str | None, limit: int) -> SourcePage[str]:
        """Reads a source."""
        return self._connector.read(self.context(), source, params, Position(cursor, limit))

    def ack(self, source: str, params: str, cursor: str) -> None:
        """Tells a source what has been committed."""
        self._connector.ack(self.context(), source, params, cursor)

    def check(self) -> None:
        """Tests the connection."""
        self._connector.check(self.context())

    def check_examples(self) -> None:
        """Every operation has examples, and they fit its types."""
        for one in self._connector.operations.values():
            for name, tp, strict in (("input", one.input, True), ("output", one.output, False)):
                example = one.says.get(f"example_{name}")
                if example is None:
                    raise AssertionError(f"`{one.name}` has no example {name}")
                reader(tp, strict)(json_text.parse(json_text.write(example)))

    def log(self, level: str, message: str, fields: str) -> None:
        self.logs.append((level, message, fields))

    def now(self) -> int:
        return START_MS + int(self._elapsed * 1000)

    def random_bytes(self, count: int) -> bytes:
        # The same in every test run.
        return bytes(number % 256 for number in range(count))

    def monotonic(self) -> float:
        return self._elapsed

    def send(self, request: OutgoingRequest) -> Answer:
        self.sent.append(request)
        if not any(rule(request.method, request.url) for rule in self._rules):
            raise AssertionError(f"the egress does not name {request.method} {request.url}")
        if not self._script:
            raise AssertionError(f"{request.method} {request.url} is not expected")
        expected = self._script.pop(0)
        url = self._base + expected.url if expected.url.startswith("/") else expected.url
        got = (request.method, request.url)
        if got != (expected.method, url):
            raise AssertionError(f"{' '.join(got)} came, and {expected.method} {url} is expected")
        if expected.body is not None and request.body != expected.body.encode():
            raise AssertionError(f"the body {request.body!r} came, and {expected.body} is expected")
        if expected.fails is not None:
            raise TransportError(expected.fails, f"test-{expected.fails}")
        headers = [(name, value.encode()) for name, value in expected.headers.items()]
        return Answer(expected.status, headers, expected.reply.encode())


def _rule(rule: str, config: dict[str, Any]) -> Any:
    """Whether a method and URL are within a rule of the egress."""
    methods, _, target = rule.partition(" ")
    filled = re.sub(r"\{(\w+)\}", lambda match: str(config.get(match[1], "")).rstrip("/"), target)

    def allows(method: str, url: str) -> bool:
        path = url.split("?")[0]
        fits = path.startswith(filled[:-1]) if filled.endswith("*") else path == filled
        return fits and (methods == "*" or method in methods.split(","))

    return allows
