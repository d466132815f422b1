"""The connector `{{name}}`. Replace the items by what your API has."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from dowel_sdk import Connector, Context, ErrorKind, Format, Id


@dataclass
class Config:
    """A connection to the API."""

    base_url: Annotated[
        str, Format("uri"), "Where the API begins, such as `https://api.example.com/v1`."
    ]


@dataclass
class Item:
    """An item."""

    id: Annotated[Id, "The API's id."]
    name: Annotated[str, "The name."]
    price: Annotated[Decimal, "What it costs, with every digit."]


connector = Connector(
    summary="Reads and creates items.",
    config=Config,
    egress=["GET,POST {base_url}/items", "GET {base_url}/items/*"],
)

ANVIL = {"id": 17, "name": "anvil", "price": "19.90"}


@dataclass
class ItemRef:
    """Which item."""

    id: Annotated[Id, "The API's id."]


@connector.operation(
    effect="read", idempotency="natural", example_input={"id": 17}, example_output=ANVIL
)
def get_item(ctx: Context[Config], ref: ItemRef) -> Item:
    """Gets an item."""
    return ctx.http.get("/items/{id}", path={"id": ref.id}).json(Item)


@dataclass
class Query:
    """Which page."""

    cursor: Annotated[str | None, "Where the page begins; the first page without it."] = None


@dataclass
class Items:
    """A page of items."""

    items: Annotated[list[Item], "The items."]
    next: Annotated[str | None, "Where the next page begins; absent on the last one."] = None


@connector.operation(
    effect="read",
    idempotency="natural",
    pagination={"cursor_in": "/cursor", "cursor_out": "/next", "items": "/items"},
    example_input={},
    example_output={"items": [ANVIL]},
)
def list_items(ctx: Context[Config], query: Query) -> Items:
    """Lists the items, page by page."""
    return ctx.http.get("/items", query={"cursor": query.cursor}).json(Items)


@dataclass
class NewItem:
    """An item to be."""

    name: Annotated[str, "The name."]
    price: Annotated[Decimal, "What it costs."]


@connector.operation(
    effect="write",
    idempotency="keyed",
    example_input={"name": "anvil", "price": "19.90"},
    example_output=ANVIL,
)
def create_item(ctx: Context[Config], new: NewItem) -> Item:
    """Creates an item. Say `keyed` only if the API honours the header `Idempotency-Key`."""
    # Here 422 is the business saying no.
    return ctx.http.post("/items", json=new, errors={422: ErrorKind.REJECTED}).json(Item)
