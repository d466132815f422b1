"""Types of an author as shapes of JSON: how they are read, and their JSON Schema (2020-12).

`str`, `int`, `bool`, `decimal.Decimal`, `Number`, `Id`, `list[T]`, `dict[str, T]`, `Literal`,
`Enum`s of texts, `T | None`, `Any` and dataclasses have a shape. `Annotated` adds a description
(a text), a :class:`Range`, a :class:`Format` or another :class:`Name` in JSON.
"""

import dataclasses
import enum
import re
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any, Literal, TypeAlias, Union

from . import json_text
from .json_text import Number

#: An identifier: a text or an integer, as the API has it.
Id: TypeAlias = str | int


@dataclass(frozen=True)
class Range:
    """The least and the greatest value of an integer, or the length of a text or a list."""

    min: int | None = None
    max: int | None = None


@dataclass(frozen=True)
class Format:
    """The `format` of a text, such as `uri` or `date-time`. Described, not checked."""

    name: str


@dataclass(frozen=True)
class Name:
    """The name of a field in JSON where Python cannot have it, such as `from`."""

    name: str


class Misfit(Exception):
    """A value that does not fit. The message names types and places, never a value."""

    def __init__(self, expected: str, path: str = "") -> None:
        super().__init__(expected)
        self.expected = expected
        self.path = path

    def under(self, key: str | int) -> "Misfit":
        """The same, one level further out."""
        part = str(key).replace("~", "~0").replace("/", "~1")
        return Misfit(self.expected, f"/{part}{self.path}")


DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
_DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?")
Read: TypeAlias = Callable[[Any], Any]


def _found(value: Any, expected: str) -> Misfit:
    names = {bool: "boolean", str: "string", int: "integer", list: "array", dict: "object"}
    name = "null" if value is None else names.get(type(value), "number")
    return Misfit(f"found {name}, expected {expected}")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise _found(value, "a string")


def _integer(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _found(value, "an integer")


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise _found(value, "a boolean")


def _decimal(value: Any) -> Decimal:
    expected = 'a decimal number such as "19.90"'
    if isinstance(value, Number):
        value = value.text
    elif isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise _found(value, expected)
    if not _DECIMAL.fullmatch(value):
        raise Misfit(f"found another value, expected {expected}")
    return Decimal(value)


def _number(value: Any) -> Any:
    if isinstance(value, (int, Number)) and not isinstance(value, bool):
        return value if isinstance(value, Number) else Number(str(value))
    raise _found(value, "a number")


_SCALARS: dict[Any, tuple[Read, dict[str, Any]]] = {
    str: (_text, {"type": "string"}),
    int: (_integer, {"type": "integer"}),
    bool: (_boolean, {"type": "boolean"}),
    Number: (_number, {"type": "number"}),
    Decimal: (
        _decimal,
        {"type": ["string", "number"], "format": "decimal", "pattern": DECIMAL_PATTERN},
    ),
}


@cache
def reader(tp: Any, strict: bool) -> Read:
    """What reads parsed JSON into the type. Strict: a field that is not known is refused."""
    origin, args = typing.get_origin(tp), typing.get_args(tp)
    if tp in _SCALARS:
        return _SCALARS[tp][0]
    if tp is Any:
        return lambda value: value
    if origin is typing.Annotated:
        return _annotated_reader(reader(args[0], strict), args[1:])
    if origin in (Union, types.UnionType):
        return _union_reader(args, strict)
    if origin is list:
        return _list_reader(reader(args[0], strict))
    if origin is dict:
        return _dict_reader(reader(args[1], strict))
    if origin is Literal or _is_enum(tp):
        return _choice_reader(tp)
    if dataclasses.is_dataclass(tp):
        return _object_reader(tp, strict)
    raise _no_shape(tp)


def _is_enum(tp: Any) -> bool:
    return isinstance(tp, type) and issubclass(tp, enum.Enum)


def _no_shape(tp: Any) -> TypeError:
    if tp is float:
        return TypeError("a float loses digits: use decimal.Decimal, or Number")
    return TypeError(f"{tp!r} has no shape in JSON")


def _annotated_reader(inner: Read, extras: tuple[Any, ...]) -> Read:
    ranges = [extra for extra in extras if isinstance(extra, Range)]
    if not ranges:
        return inner
    bound = ranges[0]

    def read(value: Any) -> Any:
        got = inner(value)
        size = got if isinstance(got, int) or got is None else len(got)
        too_low = size is not None and bound.min is not None and size < bound.min
        too_high = size is not None and bound.max is not None and size > bound.max
        if too_low or too_high:
            raise Misfit("the value is not acceptable")
        return got

    return read


def _union_reader(args: tuple[Any, ...], strict: bool) -> Read:
    others = [reader(arg, strict) for arg in args if arg is not type(None)]
    nullable = type(None) in args
    if len(others) == 1:
        only = others[0]
        return lambda value: None if value is None and nullable else only(value)

    def read(value: Any) -> Any:
        if value is None and nullable:
            return None
        for other in others:
            try:
                return other(value)
            except Misfit:
                continue
        raise Misfit("the value is not acceptable")

    return read


def _list_reader(item: Read) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, list):
            raise _found(value, "an array")
        out = []
        for index, one in enumerate(value):
            try:
                out.append(item(one))
            except Misfit as misfit:
                raise misfit.under(index) from None
        return out

    return read


def _dict_reader(item: Read) -> Read:
    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise _found(value, "an object")
        out = {}
        for key, one in value.items():
            try:
                out[key] = item(one)
            except Misfit as misfit:
                raise misfit.under(key) from None
        return out

    return read


def _choice_reader(tp: Any) -> Read:
    if _is_enum(tp):
        choices = {member.value: member for member in tp}
    else:
        choices = {choice: choice for choice in typing.get_args(tp)}

    def read(value: Any) -> Any:
        if isinstance(value, str) and value in choices:
            return choices[value]
        raise Misfit("the value is not one of those that are possible")

    return read


@dataclass(frozen=True)
class Field:
    """A field of a dataclass."""

    attribute: str
    name: str
    tp: Any
    required: bool
    default: Any


@cache
def fields(tp: Any) -> tuple[Field, ...]:
    """The fields of a dataclass."""
    hints = typing.get_type_hints(tp, include_extras=True)
    out = []
    for one in dataclasses.fields(tp):
        hint = hints[one.name]
        extras = typing.get_args(hint)[1:] if typing.get_origin(hint) is typing.Annotated else ()
        names = [extra.name for extra in extras if isinstance(extra, Name)]
        default, missing = one.default, dataclasses.MISSING
        required = default is missing and one.default_factory is missing
        name = names[0] if names else one.name
        out.append(Field(one.name, name, hint, required, default))
    return tuple(out)


def _object_reader(tp: Any, strict: bool) -> Read:
    # Made at the first use: a type may hold itself.
    known: dict[str, tuple[Field, Read]] = {}

    def read(value: Any) -> Any:
        if not known:
            known.update({f.name: (f, reader(f.tp, strict)) for f in fields(tp)})
        if not isinstance(value, dict):
            raise _found(value, "an object")
        given = {}
        for key, one in value.items():
            if key in known:
                field, inner = known[key]
                try:
                    given[field.attribute] = inner(one)
                except Misfit as misfit:
                    raise misfit.under(key) from None
            elif strict:
                names = ", ".join(f"`{name}`" for name in known)
                raise Misfit(f"unknown field, expected one of {names}")
        for field, _ in known.values():
            if field.attribute not in given and field.required:
                if not _takes_none(field.tp):
                    raise Misfit(f"missing field `{field.name}`")
                given[field.attribute] = None
        return tp(**given)

    return read


def _takes_none(tp: Any) -> bool:
    if typing.get_origin(tp) is typing.Annotated:
        tp = typing.get_args(tp)[0]
    is_union = typing.get_origin(tp) in (Union, types.UnionType)
    return tp is Any or (is_union and type(None) in typing.get_args(tp))


def object_of(value: Any) -> Any:
    """What an author's value is in JSON. A field that is `None` is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        pairs = ((field.name, getattr(value, field.attribute)) for field in fields(type(value)))
        return {name: one for name, one in pairs if one is not None}
    if isinstance(value, enum.Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} has no place in JSON")


def write(value: Any) -> str:
    """JSON text of an author's value."""
    return json_text.write(value, object_of)


def schema(tp: Any, *, output: bool = False) -> dict[str, Any]:
    """The JSON Schema of what is read, or of what is written (`output`)."""
    definitions: dict[str, Any] = {}
    root = _schema(tp, output, definitions, is_root=True)
    root = {"$schema": "https://json-schema.org/draft/2020-12/schema", **root}
    if definitions:
        root["$defs"] = definitions
    return root


def _schema(tp: Any, output: bool, defs: dict[str, Any], is_root: bool = False) -> dict[str, Any]:
    origin, args = typing.get_origin(tp), typing.get_args(tp)
    if tp is Decimal and output:
        return {"type": "string", "format": "decimal", "pattern": DECIMAL_PATTERN}
    if tp in _SCALARS:
        return dict(_SCALARS[tp][1])
    if tp is Any:
        return {}
    if origin is typing.Annotated:
        return _annotated_schema(_schema(args[0], output, defs), args[1:])
    if origin in (Union, types.UnionType):
        return _union_schema([_schema(arg, output, defs) for arg in args if arg is not type(None)],
                             type(None) in args)
    if origin is list:
        return {"type": "array", "items": _schema(args[0], output, defs)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(args[1], output, defs)}
    if origin is Literal or _is_enum(tp):
        choices = [member.value for member in tp] if _is_enum(tp) else list(args)
        return {"type": "string", "enum": choices}
    if dataclasses.is_dataclass(tp):
        if is_root:
            return _object_schema(tp, output, defs)
        name = tp.__name__
        if name not in defs:
            defs[name] = {}
            defs[name] = _object_schema(tp, output, defs)
        return {"$ref": f"#/$defs/{name}"}
    raise _no_shape(tp)


def _annotated_schema(inner: dict[str, Any], extras: tuple[Any, ...]) -> dict[str, Any]:
    for extra in extras:
        if isinstance(extra, str):
            inner["description"] = extra
        elif isinstance(extra, Format):
            inner["format"] = extra.name
        elif isinstance(extra, Range):
            low, high = _bounds(_kinds(inner))
            bounds = {low: extra.min, high: extra.max}
            inner.update({key: value for key, value in bounds.items() if value is not None})
    return inner


def _union_schema(parts: list[dict[str, Any]], nullable: bool) -> dict[str, Any]:
    if all(set(part) == {"type"} for part in parts) or len(parts) == 1 and "type" in parts[0]:
        merged = dict(parts[0])
        kinds = [kind for part in parts for kind in _kinds(part)] + ["null"] * nullable
        merged["type"] = kinds if len(kinds) > 1 else kinds[0]
        if nullable and "enum" in merged:
            merged["enum"] = [*merged["enum"], None]
        return merged
    return {"anyOf": [*parts, *([{"type": "null"}] * nullable)]}


def _bounds(kinds: list[str]) -> tuple[str, str]:
    if "string" in kinds:
        return "minLength", "maxLength"
    if "array" in kinds:
        return "minItems", "maxItems"
    return "minimum", "maximum"


def _kinds(part: dict[str, Any]) -> list[str]:
    return part["type"] if isinstance(part["type"], list) else [part["type"]]


def _object_schema(tp: Any, output: bool, defs: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"title": tp.__name__, "type": "object"}
    text = (tp.__doc__ or "").strip()
    # `dataclass` writes the signature where there is no text.
    if text and not text.startswith(f"{tp.__name__}("):
        out["description"] = " ".join(text.split("\n\n")[0].split())
    out["properties"] = {f.name: _schema(f.tp, output, defs) for f in fields(tp)}
    required = [f.name for f in fields(tp) if f.required and not _takes_none(f.tp)]
    if required:
        out["required"] = required
    if not output:
        out["additionalProperties"] = False
    return out
