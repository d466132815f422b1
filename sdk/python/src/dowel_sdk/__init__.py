"""Connectors for Dowel in Python.

A connector is a :class:`Connector`, functions with its decorators, and dataclasses that give
the JSON Schemas::

    @dataclass
    class Config:
        base_url: Annotated[str, "Where the API begins."]

    connector = Connector(summary="Reads notes.", config=Config, egress=["GET {base_url}/notes/*"])

    @connector.operation(effect="read", idempotency="natural")
    def get_note(ctx: Context[Config], note: NoteRef) -> Note:
        "Gets a note."
        return ctx.http.get("/notes/{id}", path={"id": note.id}).json(Note)

``dowel connector build`` makes a component of it; :mod:`dowel_sdk.testing` runs it under
``unittest`` without one.
"""

from .connector import Connector
from .context import Context, Level
from .errors import ConnectorError, ErrorKind
from .http import Http, Response
from .json_text import Number
from .shape import Format, Id, Name, Range
from .sources import Position, SourceEvent, SourcePage

__all__ = [
    "Connector",
    "ConnectorError",
    "Context",
    "ErrorKind",
    "Format",
    "Http",
    "Id",
    "Level",
    "Name",
    "Number",
    "Position",
    "Range",
    "Response",
    "SourceEvent",
    "SourcePage",
]
