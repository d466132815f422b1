"""The SDK without a component."""

import json
import unittest
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

from dowel_sdk import (
    Connector,
    ConnectorError,
    Context,
    ErrorKind,
    Id,
    Name,
    Number,
    Range,
)
from dowel_sdk import json_text, shape
from dowel_sdk.manifest import manifest
from dowel_sdk.testing import FakeHost


class Color(Enum):
    RED = "red"
    GREEN = "green"


@dataclass
class Line:
    """A line."""

    qty: Annotated[int, Range(0, 99)]
    amount: Decimal


@dataclass
class Order:
    """An order.

    More about it.
    """

    order_id: Id
    lines: list[Line] = field(default_factory=list)
    color: Color | None = None
    sender: Annotated[str | None, Name("from")] = None
    state: Literal["open", "closed"] = "open"
    rest: dict[str, Any] = field(default_factory=dict)


def read(text: str) -> Order:
    return shape.reader(Order, True)(json_text.parse(text))


class Json(unittest.TestCase):
    def test_digits_stay(self) -> None:
        text = '{"a":1.10,"b":12345678901234567890,"c":1e400,"d":-0,"e":[0.0000001,"é\\u0001"]}'
        self.assertEqual(json_text.write(json_text.parse(text)), text)

    def test_what_is_no_json_is_refused(self) -> None:
        for bad in ("NaN", "Infinity", "{", "[1,]", "", "[" * 100_000):
            with self.assertRaises(ValueError, msg=bad[:9]):
                json_text.parse(bad)
        for wrong in (1.5, {1: 2}, {"a": object()}, Decimal("NaN")):
            with self.assertRaises(TypeError):
                json_text.write(wrong)


class Shapes(unittest.TestCase):
    def test_what_is_read_is_written(self) -> None:
        text = (
            '{"order_id":7,"lines":[{"qty":1,"amount":19.90}],"color":"red","from":"a",'
            '"state":"closed","rest":{"x":1.10}}'
        )
        order = read(text)
        self.assertEqual((order.sender, order.color), ("a", Color.RED))
        self.assertIsInstance(order.rest["x"], Number)
        self.assertEqual(shape.write(order), text.replace("19.90", '"19.90"'))

    def test_the_place_is_named_and_no_value(self) -> None:
        for text, path, expected in (
            ('{"order_id":1,"lines":[{"qty":"secret","amount":1}]}', "/lines/0/qty",
             "found string, expected an integer"),
            ('{"order_id":1,"lines":[{"qty":1,"amount":"12,5 secret"}]}', "/lines/0/amount",
             'found another value, expected a decimal number such as "19.90"'),
            ("{}", "", "missing field `order_id`"),
            ('{"order_id":true}', "/order_id", "the value is not acceptable"),
            ('{"order_id":1,"color":"secret"}', "/color",
             "the value is not one of those that are possible"),
            ('{"order_id":1,"lines":[{"qty":100,"amount":1}]}', "/lines/0/qty",
             "the value is not acceptable"),
            ("[]", "", "found array, expected an object"),
        ):
            with self.subTest(text), self.assertRaises(shape.Misfit) as caught:
                read(text)
            self.assertEqual((caught.exception.path, caught.exception.expected), (path, expected))
        with self.assertRaises(shape.Misfit) as caught:
            read('{"order_id":1,"secret":1}')
        self.assertTrue(caught.exception.expected.startswith("unknown field, expected one of"))

    def test_schemas(self) -> None:
        made = shape.schema(Order)
        self.assertEqual(made["description"], "An order.")
        self.assertEqual(made["required"], ["order_id"])
        properties = made["properties"]
        self.assertEqual(properties["order_id"], {"type": ["string", "integer"]})
        self.assertEqual(properties["from"], {"type": ["string", "null"]})
        self.assertEqual(properties["lines"], {"type": "array", "items": {"$ref": "#/$defs/Line"}})
        self.assertEqual(properties["color"], {"type": ["string", "null"], "enum": ["red", "green", None]})
        line = made["$defs"]["Line"]
        self.assertEqual(line["properties"]["qty"], {"type": "integer", "minimum": 0, "maximum": 99})
        self.assertEqual(line["properties"]["amount"]["type"], ["string", "number"])
        self.assertNotIn("additionalProperties", shape.schema(Order, output=True))

    def test_a_float_is_refused_when_the_connector_is_made(self) -> None:
        with self.assertRaisesRegex(TypeError, "float loses digits"):
            shape.reader(list[float], True)


@dataclass
class Config:
    base_url: str


def connector() -> Connector:
    made = Connector(summary="Tests.", config=Config, egress=["* {base_url}/*"])

    @made.operation(effect="read", idempotency="natural")
    def get_it(ctx: Context[Config], order: Order) -> dict[str, Any]:
        """Gets it."""
        answer = ctx.http.get("/x/{id}", path={"id": order.order_id}, query={"q": "a&b", "no": None})
        return answer.json(dict[str, Any])

    @made.operation(effect="read", idempotency="natural")
    def fail(ctx: Context[Config], order: Order) -> dict[str, Any]:
        """Has a defect."""
        return {"secret": {}[order.order_id]}

    return made


def host() -> FakeHost:
    return FakeHost(connector(), {"base_url": "https://api.example/v1/"})


class Http(unittest.TestCase):
    def fails(self, fake: FakeHost, operation: str, text: str) -> ConnectorError:
        with self.assertRaises(ConnectorError) as caught:
            fake.call(operation, text)
        return caught.exception

    def test_parameters_are_encoded_and_redirects_followed(self) -> None:
        with host() as fake:
            fake.expect("GET", "/x/a%2Fb?q=a%26b", status=307, headers={"Location": "../y?z#f"})
            fake.expect("GET", "https://api.example/v1/y?z", reply='{"n":1.10}')
            self.assertEqual(fake.call("get-it", '{"order_id":"a/b"}'), '{"n":1.10}')

    def test_what_leads_elsewhere_is_refused(self) -> None:
        for bad in ("", ".", ".."):
            with host() as fake:
                error = self.fails(fake, "get-it", json.dumps({"order_id": bad}))
            self.assertEqual((error.kind, error.code), (ErrorKind.INVALID_INPUT, "invalid-path"))

    def test_transport_and_endless_redirects(self) -> None:
        with host() as fake:
            fake.expect("GET", "/x/1?q=a%26b", fails="timeout")
            self.assertEqual(self.fails(fake, "get-it", '{"order_id":1}').kind, ErrorKind.TIMEOUT)
        with host() as fake:
            fake.expect("GET", "/x/1?q=a%26b", status=302, headers={"Location": "/v1/loop"})
            for _ in range(5):
                fake.expect("GET", "/loop", status=302, headers={"Location": "/v1/loop"})
            error = self.fails(fake, "get-it", '{"order_id":1}')
            self.assertEqual(error.code, "too-many-redirects")

    def test_headers_of_the_host_are_the_hosts(self) -> None:
        for name, value, code in (
            ("Authorization", "x", "header-not-allowed"),
            ("IDEMPOTENCY-KEY", "x", "header-not-allowed"),
            ("a", "x\r\nb: c", "invalid-header"),
            ("a b", "x", "invalid-header"),
        ):
            with self.subTest(name), self.assertRaises(ConnectorError) as caught:
                host().context().http.get("/x", headers={name: value})
            self.assertEqual(caught.exception.code, code)

    def test_an_exception_is_told_by_type_and_place(self) -> None:
        error = self.fails(host(), "fail", '{"order_id":"secret"}')
        self.assertEqual((error.kind, error.code), (ErrorKind.INTERNAL, "unhandled-exception"))
        self.assertRegex(error.message, r"^KeyError at test_sdk.py:[0-9]+$")

    def test_dates_in_retry_after(self) -> None:
        with host() as fake:
            date = "Thu, 01 Jan 2026 00:00:07 GMT"
            fake.expect("GET", "/x/1?q=a%26b", status=429, headers={"Retry-After": date})
            self.assertEqual(self.fails(fake, "get-it", '{"order_id":1}').retry_after, 7)


class Manifests(unittest.TestCase):
    def test_what_it_says(self) -> None:
        made = json.loads(manifest(connector(), "tests", "1.2.3"))
        self.assertEqual((made["name"], made["version"], made["contract"]), ("tests", "1.2.3", "0.2.0"))
        first = made["operations"][0]
        self.assertEqual((first["name"], first["summary"]), ("get-it", "Gets it."))
        self.assertNotIn("sources", made)

    def test_mistakes_are_told_when_they_are_made(self) -> None:
        made = Connector(summary="x", config=Config)
        with self.assertRaisesRegex(ValueError, "`effect` is one of read, write"):
            made.operation(effect="reads", idempotency="natural")
        with self.assertRaisesRegex(TypeError, "takes 2 parameters"):
            made.operation(effect="read", idempotency="natural")(lambda ctx: None)
        with self.assertRaisesRegex(ValueError, "needs a docstring"):

            @made.operation(effect="read", idempotency="natural")
            def undocumented(ctx: Context[Config], order: Order) -> Order:
                return order


if __name__ == "__main__":
    unittest.main()
