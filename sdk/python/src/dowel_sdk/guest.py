"""The component: exports the contract, and reaches the host through its imports.

Imported by the module that `dowel connector build` generates, and by nothing else: the modules
of the contract exist only inside a component.
"""

from typing import Any, NoReturn

from componentize_py_types import Err
from wit_world.exports import sources as wit_sources
from wit_world.imports import host as wit_host
from wit_world.imports import http as wit_http
from wit_world.imports import types as wit

from .connector import Connector
from .context import Call, Context
from .errors import ConnectorError
from .host import Answer, OutgoingRequest, TransportError
from .manifest import manifest
from .shape import write
from .sources import Position

_LEVELS = {level.name.lower(): level for level in wit_host.Level}
_KINDS = {kind.name.lower().replace("_", "-"): kind for kind in wit.ErrorKind}


class _DowelHost:
    """The host behind the contract's imports."""

    def log(self, level: str, message: str, fields: str) -> None:
        wit_host.log(_LEVELS[level], message, fields)

    def now(self) -> int:
        return wit_host.now()

    def random_bytes(self, count: int) -> bytes:
        return wit_host.random_bytes(count)

    def monotonic(self) -> float:
        return wit_host.now() / 1000

    def send(self, request: OutgoingRequest) -> Answer:
        timeout = max(1, int(request.timeout * 1000))
        outgoing = wit_http.Request(
            request.method, request.url, request.headers, request.body, timeout
        )
        try:
            answer = wit_http.send(outgoing)
        except Err as error:
            failure = error.value
            raise TransportError(failure.reason.name.lower(), failure.code) from None
        headers = [(name, value.encode()) for name, value in answer.headers]
        return Answer(answer.status, headers, answer.body)


def _raise(error: ConnectorError) -> NoReturn:
    details = None if error.details is None else write(error.details)
    wait = None if error.retry_after is None else int(error.retry_after * 1000)
    raise Err(wit.Error(_KINDS[error.kind.value], error.code, error.message, details, wait)) from None


def exports(connector: Connector, name: str, version: str) -> tuple[type, type, type]:
    """The classes `Operations`, `Sources` and `Describe` of a component."""
    host = _DowelHost()

    def context(ctx: wit.CallContext) -> Context[Any]:
        call = Call(ctx.run_id, ctx.step, ctx.idempotency_key, ctx.deadline_ms)
        return connector.context(ctx.connection, call, host)

    class Operations:
        def call(self, operation: str, input: str, ctx: wit.CallContext) -> str:
            try:
                return connector.call(context(ctx), operation, input)
            except ConnectorError as error:
                _raise(error)

        def check(self, ctx: wit.CallContext) -> None:
            try:
                connector.check(context(ctx))
            except ConnectorError as error:
                _raise(error)

    class Sources:
        def read(
            self, source: str, params: str, cursor: str | None, limit: int, ctx: wit.CallContext
        ) -> wit_sources.Page:
            try:
                page = connector.read(context(ctx), source, params, Position(cursor, limit))
            except ConnectorError as error:
                _raise(error)
            events = [
                wit_sources.Event(one.id, one.kind, one.subject, one.time, one.data)
                for one in page.events
            ]
            return wit_sources.Page(events, page.cursor, page.more)

        def ack(self, source: str, params: str, cursor: str, ctx: wit.CallContext) -> None:
            try:
                connector.ack(context(ctx), source, params, cursor)
            except ConnectorError as error:
                _raise(error)

    class Describe:
        def manifest(self) -> str:
            return manifest(connector, name, version)

    return Operations, Sources, Describe
