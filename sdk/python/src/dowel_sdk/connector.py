"""The connector: what it has, and the way from a call to a function."""

import inspect
import os
import typing
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .context import Call, Context
from .errors import ConnectorError, ErrorKind, internal, invalid_input
from .host import Host
from .http import read
from .shape import reader, write
from .sources import Position, SourceEvent, SourcePage

_INPUT = (ErrorKind.INVALID_INPUT, "invalid-input", "the input", True)
_PARAMS = (ErrorKind.INVALID_INPUT, "invalid-params", "the source's parameters", True)
_CONFIG = (ErrorKind.INVALID_INPUT, "invalid-config", "the connection's configuration", True)

Function = typing.TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """An operation, as its decorator describes it."""

    name: str
    function: Callable[[Context[Any], Any], Any]
    input: Any
    output: Any
    #: What the manifest says beside the schemas.
    says: dict[str, Any]


@dataclass(frozen=True)
class Source:
    """A source, as its decorator describes it."""

    name: str
    function: Callable[[Context[Any], Any, Position], SourcePage[Any]]
    params: Any
    event: Any
    says: dict[str, Any]
    ack: Callable[[Context[Any], Any, str], None] | None


class Connector:
    """A connector. Its name and version are the project's, in `pyproject.toml`.

    `config` is the dataclass of a connection's configuration, which holds no secrets; a field
    `base_url` is where the relative paths of `Context.http` begin. `egress` says where requests
    may go: methods (`*` for all), and a URL; `{field}` stands for a text of the configuration.
    `check` tests a connection without side effects.
    """

    def __init__(
        self,
        *,
        summary: str,
        config: type,
        egress: Sequence[str] = (),
        check: Callable[[Context[Any]], None] | None = None,
    ) -> None:
        reader(config, True)
        self.summary = summary
        self.config = config
        self.egress = list(egress)
        self.operations: dict[str, Operation] = {}
        self.sources: dict[str, Source] = {}
        self._check = check

    def operation(
        self,
        *,
        effect: str,
        idempotency: str,
        name: str | None = None,
        compensated_by: str | None = None,
        deprecated: dict[str, str] | None = None,
        pagination: dict[str, str] | None = None,
        deadline_ms: int | None = None,
        retry_kinds: Sequence[ErrorKind] | None = None,
        example_input: Any = None,
        example_output: Any = None,
    ) -> Callable[[Function], Function]:
        """Makes `def f(ctx: Context[Config], input: Input) -> Output` an operation.

        `effect` is `read` or `write`; `idempotency` says what repeating it does: `natural`,
        `keyed` or `none`. The first paragraph of the docstring is the summary, and the name is
        the function's with hyphens. `pagination` has the JSON Pointers `cursor_in`,
        `cursor_out` and `items`.
        """
        _one_of("effect", effect, ("read", "write"))
        _one_of("idempotency", idempotency, ("natural", "keyed", "none"))

        def decorate(function: Function) -> Function:
            types = _types(function, 2)
            called = name or function.__name__.replace("_", "-")
            if called in self.operations:
                raise ValueError(f"the connector has the operation `{called}` twice")
            kinds = None if retry_kinds is None else [kind.value for kind in retry_kinds]
            says = {
                "idempotency": idempotency,
                "effect": effect,
                "compensated_by": compensated_by,
                "deprecated": deprecated,
                "pagination": pagination,
                "deadline_ms": deadline_ms,
                "retry_kinds": kinds,
                "example_input": example_input,
                "example_output": example_output,
            }
            says = {"summary": _summary(function), **_given(says)}
            self.operations[called] = Operation(called, function, types[1], types[-1], says)
            return function

        return decorate

    def source(
        self,
        *,
        name: str | None = None,
        deadline_ms: int | None = None,
        ack: Callable[[Context[Any], Any, str], None] | None = None,
    ) -> Callable[[Function], Function]:
        """Makes `def f(ctx: Context[Config], params: Params, position: Position) ->
        SourcePage[Event]` a source: events that the host fetches, page by page.

        A read changes nothing upstream and remembers nothing: the host keeps the cursor, and
        the next read may be another instance's. `ack` is called when the host has committed
        everything up to a cursor.
        """

        def decorate(function: Function) -> Function:
            types = _types(function, 3)
            if typing.get_origin(types[-1]) is not SourcePage:
                raise TypeError(f"`{function.__name__}` returns `SourcePage[Event]`, as a source does")
            event = typing.get_args(types[-1])[0]
            called = name or function.__name__.replace("_", "-")
            if called in self.sources:
                raise ValueError(f"the connector has the source `{called}` twice")
            says = {"summary": _summary(function), **_given({"deadline_ms": deadline_ms})}
            self.sources[called] = Source(called, function, types[1], event, says, ack)
            return function

        return decorate

    def context(self, config: str, call: Call, host: Host) -> Context[Any]:
        """Reads the configuration and starts the clock."""
        return Context(read(config, self.config, _CONFIG), call, host)

    def call(self, ctx: Context[Any], operation: str, text: str) -> str:
        """Runs an operation: JSON text in, JSON text out. Raises `ConnectorError` alone."""
        found = self.operations.get(operation)
        if found is None:
            raise _unknown("operation")
        value = read(text, found.input, _INPUT)
        output = _guarded(found.function, ctx, value)
        return _json(output, "output-not-json", "the output cannot be written as JSON")

    def check(self, ctx: Context[Any]) -> None:
        """Tests the connection."""
        if self._check is not None:
            _guarded(self._check, ctx)

    def read(self, ctx: Context[Any], source: str, params: str, position: Position) -> SourcePage[str]:
        """Reads a source; the events' data becomes JSON text."""
        found = self.sources.get(source)
        if found is None:
            raise _unknown("source")
        value = read(params, found.params, _PARAMS)
        page: SourcePage[Any] = _guarded(found.function, ctx, value, position)
        if len(page.events) > position.limit:
            message = "the source gave more events than it was asked for"
            raise internal("page-over-limit", message)
        events = [
            SourceEvent(
                event.id,
                event.kind,
                _json(event.data, "event-not-json", "an event cannot be written as JSON"),
                event.subject,
                event.time,
            )
            for event in page.events
        ]
        return SourcePage(events, page.cursor, page.more)

    def ack(self, ctx: Context[Any], source: str, params: str, cursor: str) -> None:
        """Tells a source what has been committed."""
        found = self.sources.get(source)
        if found is None:
            raise _unknown("source")
        value = read(params, found.params, _PARAMS)
        if found.ack is not None:
            _guarded(found.ack, ctx, value, cursor)


def _one_of(what: str, given: str, possible: tuple[str, ...]) -> None:
    if given not in possible:
        raise ValueError(f"`{what}` is one of {', '.join(possible)}, not `{given}`")


def _given(says: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in says.items() if value is not None}


def _types(function: Callable[..., Any], count: int) -> list[Any]:
    """The types of the parameters and of the result, each of which must have a shape."""
    hints = typing.get_type_hints(function, include_extras=True)
    names = list(inspect.signature(function).parameters)
    if len(names) != count or any(name not in hints for name in [*names[1:], "return"]):
        raise TypeError(
            f"`{function.__name__}` takes {count} parameters, and says the types of them and "
            "of its result"
        )
    types = [hints.get(names[0]), *(hints[name] for name in names[1:]), hints["return"]]
    for tp in types[1:]:
        if typing.get_origin(tp) is SourcePage:
            tp = typing.get_args(tp)[0]
        if tp is not Position:
            reader(tp, False)
    return types


def _summary(function: Callable[..., Any]) -> str:
    text = inspect.getdoc(function)
    if not text:
        raise ValueError(f"`{function.__name__}` needs a docstring: its first paragraph is the summary")
    return " ".join(text.split("\n\n")[0].split())


def _unknown(what: str) -> ConnectorError:
    message = (
        f"this connector has no {what} of that name; `dowel connector inspect` lists those that "
        "it has"
    )
    return invalid_input(f"unknown-{what}", message)


def _json(value: Any, code: str, message: str) -> str:
    try:
        text = write(value)
        # A lone surrogate has no UTF-8.
        text.encode()
        return text
    except (TypeError, ValueError):
        raise internal(code, message) from None


def _guarded(function: Callable[..., Any], *arguments: Any) -> Any:
    """Calls the author's function. An exception that is no `ConnectorError` is a defect: it is
    told by type and place, since its text may hold values of the payload."""
    try:
        return function(*arguments)
    except ConnectorError:
        raise
    except Exception as error:
        message = f"{type(error).__name__} at {_place(error)}"
        raise internal("unhandled-exception", message) from None


def _place(error: Exception) -> str:
    """The innermost frame that is the author's."""
    here, place, trace = os.path.dirname(__file__), "an unknown place", error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if os.path.dirname(file) != here:
            place = f"{os.path.basename(file)}:{trace.tb_lineno}"
        trace = trace.tb_next
    return place
