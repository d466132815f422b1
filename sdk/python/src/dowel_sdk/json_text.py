"""JSON that keeps every digit: nothing goes through a binary floating-point number."""

import json
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import Any


class Number(Decimal):
    """A JSON number with a fraction or an exponent, as it was written.

    It is a :class:`decimal.Decimal`, and goes back into JSON as the same digits. (A `Decimal`
    goes into JSON as a string, which no reader in between can round.)
    """

    text: str

    def __new__(cls, text: str) -> "Number":
        self = super().__new__(cls, text)
        self.text = text
        return self


def _integer(text: str) -> int | Number:
    # An `int` would lose the sign.
    return Number(text) if text == "-0" else int(text)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def parse(text: str) -> Any:
    """Reads JSON text. Raises `ValueError` for anything else."""
    try:
        return json.loads(
            text, parse_float=Number, parse_int=_integer, parse_constant=_constant
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def write(value: Any, object_of: Callable[[Any], dict[str, Any]] | None = None) -> str:
    """Writes JSON text. `object_of` makes an object of what is neither JSON nor a number.

    Raises `TypeError` for what has no place in JSON, such as a `float`.
    """
    out: list[str] = []
    _write(value, out.append, object_of)
    return "".join(out)


def _write(
    value: Any,
    put: Callable[[str], None],
    object_of: Callable[[Any], dict[str, Any]] | None,
) -> None:
    if value is None:
        put("null")
    elif isinstance(value, str):
        put(encode_basestring(str(value)))
    elif value is True or value is False:
        put("true" if value else "false")
    elif isinstance(value, int):
        put(int.__repr__(value))
    elif isinstance(value, Number):
        put(value.text)
    elif isinstance(value, Decimal):
        if not value.is_finite():
            raise TypeError("a number that is not finite has no place in JSON")
        put(f'"{value:f}"')
    elif isinstance(value, dict):
        between = "{"
        for key, item in value.items():
            if not isinstance(key, str):
                raise TypeError("the keys of an object are texts")
            put(between)
            put(encode_basestring(key))
            put(":")
            _write(item, put, object_of)
            between = ","
        put("{}" if between == "{" else "}")
    elif isinstance(value, (list, tuple)):
        between = "["
        for item in value:
            put(between)
            _write(item, put, object_of)
            between = ","
        put("[]" if between == "[" else "]")
    elif isinstance(value, float):
        raise TypeError("a float loses digits: use Decimal or Number")
    elif object_of is not None:
        _write(object_of(value), put, object_of)
    else:
        raise TypeError(f"{type(value).__name__} has no place in JSON")
