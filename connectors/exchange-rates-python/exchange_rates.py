"""Exchange rates: a table that is read and written, and its changes as a source."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from dowel_sdk import Connector, Context, ErrorKind, Format, Position, Range, SourceEvent, SourcePage


@dataclass
class Config:
    """A connection to the service."""

    base_url: Annotated[
        str, Format("uri"), "Where the API begins, such as `https://rates.example.com/v1`."
    ]


@dataclass
class Rate:
    """What one unit of the base costs in another currency."""

    base: Annotated[str, "ISO 4217, such as `EUR`."]
    currency: Annotated[str, "ISO 4217, such as `USD`."]
    rate: Annotated[Decimal, "A decimal number as a text, such as `1.0834`: it keeps every digit."]
    at: Annotated[str, "Since when it holds (RFC 3339)."]


connector = Connector(
    summary="Reads, publishes and follows exchange rates.",
    config=Config,
    egress=["GET,POST {base_url}/rates", "GET {base_url}/changes"],
)

EXAMPLE = {"base": "EUR", "currency": "USD", "rate": "1.0834", "at": "2026-01-05T15:00:00Z"}


@dataclass
class Query:
    """Which page of the rates."""

    after: Annotated[str | None, "Where the page begins; the first page without it."] = None
    limit: Annotated[
        int | None, Range(1, 100), "Rates on a page; the service decides without it."
    ] = None


@dataclass
class Rates:
    """A page of rates."""

    rates: Annotated[list[Rate], "The rates, by base and currency."]
    next: Annotated[str | None, "Where the next page begins; absent on the last one."] = None


@connector.operation(
    effect="read",
    idempotency="natural",
    pagination={"cursor_in": "/after", "cursor_out": "/next", "items": "/rates"},
    example_input={"limit": 1},
    example_output={"rates": [EXAMPLE], "next": "EUR/USD"},
)
def list_rates(ctx: Context[Config], query: Query) -> Rates:
    """Lists the rates that hold now, page by page."""
    page = {"after": query.after, "limit": query.limit}
    return ctx.http.get("/rates", query=page).json(Rates)


@dataclass
class NewRate:
    """The rate that holds from now on."""

    base: Annotated[str, "ISO 4217, such as `EUR`."]
    currency: Annotated[str, "ISO 4217, such as `USD`."]
    rate: Annotated[Decimal, "What one unit of the base costs, such as `1.0834`."]


@connector.operation(
    effect="write",
    idempotency="keyed",
    example_input={"base": "EUR", "currency": "USD", "rate": "1.0834"},
    example_output=EXAMPLE,
)
def put_rate(ctx: Context[Config], new: NewRate) -> Rate:
    """Sets a rate in place of the one before. Repeating it with the same key changes nothing."""
    return ctx.http.post("/rates", json=new, errors={422: ErrorKind.REJECTED}).json(Rate)


@dataclass
class Params:
    """Which changes."""

    base: Annotated[str, "The base of the rates, such as `EUR`."]


@dataclass
class Change(Rate):
    """A rate that has changed, as the service tells it."""

    id: str


@dataclass
class Changes:
    """What the service answers."""

    changes: list[Change]
    next: str | None = None


@connector.source()
def new_rates(ctx: Context[Config], params: Params, position: Position) -> SourcePage[Rate]:
    """Rates of a base currency, as they change."""
    query = {"after": position.cursor, "limit": position.limit, "base": params.base}
    found = ctx.http.get("/changes", query=query).json(Changes)
    # A full page without a cursor could only be read again.
    more = len(found.changes) >= position.limit and found.next is not None
    return SourcePage([event(change) for change in found.changes], found.next, more)


def event(change: Change) -> SourceEvent[Rate]:
    """The event of a change."""
    rate = Rate(change.base, change.currency, change.rate, change.at)
    subject = f"{change.base}/{change.currency}"
    return SourceEvent(change.id, "rate.changed", rate, subject=subject, time=change.at)
