"""The connector with a fake host: `python -m unittest`."""

import unittest

from dowel_sdk import ConnectorError, ErrorKind
from dowel_sdk.testing import FakeHost
from exchange_rates import connector

USD = '{"base":"EUR","currency":"USD","rate":"1.08340","at":"2026-01-05T15:00:00Z"}'
CHANGE = USD.replace("{", '{"id":"c-7",')
EUR = '{"base":"EUR"}'


def host() -> FakeHost:
    return FakeHost(connector, {"base_url": "https://rates.example/v1/"})


class Operations(unittest.TestCase):
    def test_asks_for_the_page_behind_the_cursor(self) -> None:
        with host() as fake:
            fake.expect("GET", "/rates?limit=1", reply=f'{{"rates":[{USD}],"next":"EUR/USD"}}')
            page = fake.call("list-rates", '{"limit":1}')
            self.assertEqual(page, f'{{"rates":[{USD}],"next":"EUR/USD"}}')
            fake.expect("GET", "/rates?after=EUR%2FUSD", reply='{"rates":[],"next":null}')
            self.assertEqual(fake.call("list-rates", '{"after":"EUR/USD"}'), '{"rates":[]}')

    def test_digits_arrive_as_they_are(self) -> None:
        sent = '{"base":"EUR","currency":"USD","rate":"1.08340"}'
        with host() as fake:
            fake.expect("POST", "/rates", body=sent, status=201, reply=USD)
            self.assertEqual(fake.call("put-rate", sent.replace('"1.08340"', "1.08340")), USD)

    def test_each_error_has_its_kind(self) -> None:
        for status, kind in ((422, ErrorKind.REJECTED), (429, ErrorKind.RATE_LIMITED),
                             (503, ErrorKind.UNAVAILABLE), (404, ErrorKind.NOT_FOUND)):
            with self.subTest(status), host() as fake:
                fake.expect("POST", "/rates", status=status, headers={"Retry-After": "2"})
                with self.assertRaises(ConnectorError) as caught:
                    fake.call("put-rate", '{"base":"EUR","currency":"XXX","rate":"1"}')
                self.assertEqual((caught.exception.kind, caught.exception.retry_after), (kind, 2))

    def test_input_that_does_not_fit_sends_nothing(self) -> None:
        with host() as fake, self.assertRaises(ConnectorError) as caught:
            fake.call("put-rate", '{"base":"EUR","currency":"USD","rate":"1,08"}')
        self.assertEqual(caught.exception.kind, ErrorKind.INVALID_INPUT)
        self.assertIn("/rate", caught.exception.message)

    def test_examples_fit(self) -> None:
        host().check_examples()


class Source(unittest.TestCase):
    def test_goes_on_behind_the_cursor(self) -> None:
        with host() as fake:
            fake.expect("GET", "/changes?limit=1&base=EUR", reply=f'{{"changes":[{CHANGE}],"next":"a/7"}}')
            page = fake.read("new-rates", EUR, None, 1)
            self.assertEqual((page.cursor, page.more), ("a/7", True))
            (event,) = page.events
            self.assertEqual((event.id, event.kind, event.subject), ("c-7", "rate.changed", "EUR/USD"))
            self.assertEqual(event.data, USD)
            fake.expect("GET", "/changes?after=a%2F7&limit=9&base=EUR", reply='{"changes":[],"next":null}')
            page = fake.read("new-rates", EUR, "a/7", 9)
            self.assertEqual((page.events, page.cursor, page.more), ([], None, False))
            fake.ack("new-rates", EUR, "a/7")

    def test_more_than_was_asked_for_is_an_error(self) -> None:
        with host() as fake, self.assertRaises(ConnectorError) as caught:
            reply = f'{{"changes":[{CHANGE},{CHANGE}],"next":"x"}}'
            fake.expect("GET", "/changes?limit=1&base=EUR", reply=reply)
            fake.read("new-rates", EUR, None, 1)
        self.assertEqual(caught.exception.code, "page-over-limit")


if __name__ == "__main__":
    unittest.main()
