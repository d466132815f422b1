"""The connector with a fake host: `python -m unittest`."""

import unittest

from connector import connector
from dowel_sdk import ConnectorError, ErrorKind
from dowel_sdk.testing import FakeHost


def host() -> FakeHost:
    return FakeHost(connector, {"base_url": "https://api.example/v1"})


class Items(unittest.TestCase):
    def test_an_item_keeps_its_digits(self) -> None:
        with host() as fake:
            answer = '{ "id": 12345678901234567890, "name": "anvil", "price": 19.90 }'
            fake.expect("GET", "/items/17", reply=answer)
            item = fake.call("get-item", '{ "id": 17 }')
        self.assertEqual(item, '{"id":12345678901234567890,"name":"anvil","price":"19.90"}')

    def test_a_no_is_a_rejection(self) -> None:
        with host() as fake, self.assertRaises(ConnectorError) as caught:
            fake.expect("POST", "/items", status=422, reply='{ "error": "sold out" }')
            fake.call("create-item", '{ "name": "anvil", "price": 1 }')
        self.assertEqual(caught.exception.kind, ErrorKind.REJECTED)

    def test_the_examples_fit(self) -> None:
        host().check_examples()


if __name__ == "__main__":
    unittest.main()
