"""Events from the CloudEvents project's own SDK, sent to a real `dowel serve`.

Run by `cargo xtask test cloudevents`, which installs the SDK and names the host's binary.
"""

import contextlib
import http.client
import json
import os
import re
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from datetime import datetime, timezone
from pathlib import Path

from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

TOKEN = "events-token"
PATIENCE_SECONDS = 60

TAKER = """
language: dowel/v1
flow: take-order
version: 1.0.0
triggers:
  order: { event: { type: com.example.order.*, filter: '${ .data.total != 0 }', schema: schemas/order.json } }
  note: { event: { type: com.example.note } }
  picture: { event: { type: com.example.picture } }
  hook: { webhook: { path: /orders, verify: none } }
  by_hand: { manual: { schema: schemas/order.json } }
steps:
  - id: chain
    if: '${ $event.trigger == "order" }'
    emit: com.example.chained
    with: { order: '${ $trigger.id }' }
output: { data: '${ $trigger }', event: '${ $event }' }
"""

FOLLOWER = """
language: dowel/v1
flow: follow-order
version: 1.0.0
trigger: { event: { type: com.example.chained, source: 'urn:dowel:flow:take-order' } }
steps:
  - id: seen
    set: { order: '${ $trigger.order }' }
output: '${ $vars }'
"""

ORDER_SCHEMA = '{ "type": "object", "required": ["id"] }'

ENVIRONMENT = """
environment: test
events:
  senders:
    shop: { verify_secret: shop_events, types: [com.example.*] }
"""


class Host:
    """A host process on a repository of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        for name, text in [("take-order", TAKER), ("follow-order", FOLLOWER)]:
            flow = root / "flows" / name
            (flow / "schemas").mkdir(parents=True)
            (flow / "flow.yaml").write_text(text)
            (flow / "schemas" / "order.json").write_text(ORDER_SCHEMA)
        (root / "environments").mkdir()
        (root / "environments" / "test.yaml").write_text(ENVIRONMENT)
        (root / ".dowel" / "connectors").mkdir(parents=True)
        command = [os.environ["DOWEL"], "serve", "--repo", str(root), "--env", "test"]
        command += ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        environment = dict(os.environ, DOWEL_SECRET_SHOP_EVENTS=TOKEN, DOWEL_LOG="error")
        self.process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"ready public=(\S+) admin=\S+ socket=(\S+)\n", line)
        if not found:
            self.stop()
            raise RuntimeError(f"the host is not ready, it said {line!r}")
        self.public, self.socket = found.groups()

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        self.folder.cleanup()


class LocalConnection(http.client.HTTPConnection):
    """Reaches the admin listener as its own machine: nobody has to sign in there."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


def administer(host, path, body=None, headers=None):
    """As `exchange`, at the host's own socket."""
    with contextlib.closing(LocalConnection(host.socket)) as connection:
        method = "GET" if body is None else "POST"
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        text = response.read()
    return response.status, json.loads(text, parse_float=str, parse_int=str)


def exchange(url, body=None, headers=None):
    """Status and parsed body; numbers stay texts, so that none loses a digit."""
    request = urllib.request.Request(url, data=body, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as response:
            status, text = response.status, response.read()
    except urllib.error.HTTPError as error:
        status, text = error.code, error.read()
    return status, json.loads(text, parse_float=str, parse_int=str)


def event(kind, data, **attributes):
    known = {"source": "https://shop.example.com/orders", "type": kind}
    return CloudEvent(known | attributes, data)


class Events(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.stop)

    def send(self, headers, body, token=TOKEN):
        if token:
            headers = headers | {"Authorization": f"Bearer {token}"}
        return exchange(f"{self.host.public}/events", body, headers)

    def send_binary(self, sent, **options):
        message = to_binary(sent, JSONFormat())
        return self.send(message.headers, message.body, **options)

    def send_structured(self, sent, **options):
        message = to_structured(sent, JSONFormat())
        return self.send(message.headers, message.body, **options)

    def story(self, run):
        """The run's story, once it has come to rest."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            status, story = administer(self.host, f"/api/v1/runs/{run}")
            self.assertEqual(status, 200)
            if story["status"] not in ("pending", "running", "waiting"):
                self.assertEqual(story["status"], "succeeded", story)
                return story
        self.fail(f"run {run} does not end")

    def taken(self, answer, status="accepted"):
        """The output of the only run of an event."""
        self.assertEqual(answer["status"], status, answer)
        (run,) = answer["runs"]
        self.assertEqual((run["flow"], run["status"]), ("take-order", status))
        return self.story(run["run"])["output"]

    def test_structured(self):
        at = datetime(2026, 3, 1, 9, 0, 0, 7000, tzinfo=timezone.utc)
        sent = event(
            "com.example.order.paid", {"id": "S1"}, id="s-1", subject="S1", time=at,
            datacontenttype="application/json", region="eu", attempt=2, last=True,
        )
        status, answer = self.send_structured(sent)
        self.assertEqual(status, 202, answer)
        output = self.taken(answer)
        self.assertEqual(output["data"], {"id": "S1"})
        seen = output["event"]
        self.assertEqual(seen["trigger"], "order")
        self.assertEqual((seen["id"], seen["subject"]), ("s-1", "S1"))
        self.assertEqual(datetime.fromisoformat(seen["time"].replace("Z", "+00:00")), at)
        self.assertEqual(seen["extensions"], {"attempt": "2", "last": True, "region": "eu"})

    def test_binary(self):
        data = {"id": "B1", "name": "Zoë"}
        sent = event(
            "com.example.order.paid", data, id='b 1% "x" €', subject="Zoë's 50% 😀",
            datacontenttype="application/json",
        )
        status, answer = self.send_binary(sent)
        self.assertEqual(status, 202, answer)
        output = self.taken(answer)
        self.assertEqual(output["data"], data)
        self.assertEqual(output["event"]["id"], 'b 1% "x" €')
        self.assertEqual(output["event"]["subject"], "Zoë's 50% 😀")

    def test_both_forms_of_one_event_are_one_event(self):
        sent = event("com.example.order.paid", {"id": "D1"}, id="d-1", datacontenttype="application/json")
        _, first = self.send_binary(sent)
        status, again = self.send_structured(sent)
        self.assertEqual((status, again["status"]), (200, "duplicate"))
        self.assertEqual(again["runs"][0]["run"], first["runs"][0]["run"])

    def test_data_that_is_not_json(self):
        note = event("com.example.note", "a,b\n", id="n-1", datacontenttype="text/csv")
        for status, answer in [self.send_binary(note), self.send_structured(note)]:
            self.assertIn(status, (200, 202), answer)
        output = self.taken(answer, "duplicate")
        self.assertEqual((output["data"], output["event"]["encoding"]), ("a,b\n", "json"))
        picture = event("com.example.picture", b"\x00\x01\xff", id="p-1", datacontenttype="image/png")
        _, answer = self.send_binary(picture)
        output = self.taken(answer)
        self.assertEqual((output["data"], output["event"]["encoding"]), ("AAH/", "base64"))
        other = event("com.example.picture", b"\x00\x01\xff", id="p-2", datacontenttype="image/png")
        _, answer = self.send_structured(other)
        self.assertEqual(self.taken(answer)["data"], "AAH/")

    def test_a_batch_is_taken_as_a_whole(self):
        def batch(*ids, kind="com.example.order.paid", data=None):
            events = [event(kind, data or {"id": name}, id=name) for name in ids]
            parts = [to_structured(one, JSONFormat()).body for one in events]
            return b"[" + b",".join(parts) + b"]"

        headers = {"content-type": "application/cloudevents-batch+json"}
        status, answer = self.send(headers, batch("k-1", "k-2", "k-1"))
        self.assertEqual(status, 202, answer)
        first, second, third = answer["events"]
        self.assertEqual([first["status"], second["status"], third["status"]], ["accepted", "accepted", "duplicate"])
        self.assertEqual(third["runs"][0]["run"], first["runs"][0]["run"])
        status, answer = self.send(headers, batch("k-1", "k-2"))
        self.assertEqual(status, 200, answer)
        bad = batch("k-3").replace(b"]", b",{}]")
        status, problem = self.send(headers, bad)
        self.assertEqual((status, problem["code"]), (400, "DWL-4040"))
        self.assertEqual(problem["errors"][0]["pointer"], "/1/specversion")
        status, answer = self.send(headers, batch("k-3"))
        self.assertEqual(answer["events"][0]["status"], "accepted", "nothing of the bad batch was kept")
        status, answer = self.send(headers, b"[]")
        self.assertEqual((status, answer), (202, {"events": []}))
        status, problem = self.send(headers, batch(*(f"many-{n}" for n in range(101))))
        self.assertEqual((status, problem["code"]), (413, "DWL-4044"))

    def test_what_breaks_the_specification_is_named(self):
        good = to_binary(event("com.example.note", "x", id="v-1", datacontenttype="text/plain"), JSONFormat())
        for attribute in ("id", "source", "type", "specversion"):
            headers = {name: value for name, value in good.headers.items() if name != f"ce-{attribute}"}
            status, problem = self.send(headers, good.body)
            self.assertEqual((status, problem["code"]), (400, "DWL-4040"), attribute)
            self.assertEqual(problem["errors"][0]["pointer"], f"/{attribute}")
        status, problem = self.send({"content-type": "application/json"}, b"{}")
        self.assertEqual((status, problem["code"]), (415, "DWL-4041"))
        status, problem = self.send(good.headers | {"ce-specversion": "0.3"}, good.body)
        self.assertEqual(status, 400)

    def test_what_flows_refuse_and_what_nobody_takes(self):
        status, problem = self.send_structured(event("com.example.order.paid", {"no": "id"}))
        self.assertEqual((status, problem["code"]), (422, "DWL-4045"))
        self.assertIn("/data", [error["pointer"] for error in problem["errors"]])
        for other in (event("com.example.unknown", {}), event("com.example.order.paid", {"id": "F", "total": 0})):
            status, answer = self.send_structured(other)
            self.assertEqual((status, answer["status"], answer["runs"]), (202, "unclaimed", []))

    def test_only_known_senders_may_send_and_only_what_is_granted(self):
        sent = event("com.example.note", "x", datacontenttype="text/plain")
        for token in (None, "", "wrong"):
            status, problem = self.send_binary(sent, token=token)
            self.assertEqual((status, problem["code"]), (401, "DWL-4042"))
        status, problem = self.send_binary(event("org.example.note", "x", datacontenttype="text/plain"))
        self.assertEqual((status, problem["code"]), (403, "DWL-4043"))
        forged = event("com.example.chained", {"order": 1}, source="urn:dowel:flow:take-order")
        status, problem = self.send_structured(forged)
        self.assertEqual((status, problem["code"]), (403, "DWL-4043"))

    def test_a_flow_emits_and_another_follows(self):
        sent = event("com.example.order.paid", {"id": "E1"}, id="e-1")
        body = to_structured(sent, JSONFormat()).body.replace(b'"E1"', b"12345678901234567890")
        _, answer = self.send({"content-type": "application/cloudevents+json"}, body)
        run = answer["runs"][0]["run"]
        self.taken(answer)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            _, page = administer(self.host, f"/api/v1/runs?key={run}.chain")
            if page["runs"]:
                story = self.story(page["runs"][0]["id"])
                self.assertEqual(story["output"], {"order": "12345678901234567890"})
                return
        self.fail("nobody followed")

    def test_the_flow_s_other_triggers(self):
        status, answer = exchange(f"{self.host.public}/hooks/orders", b'{"id":"H1"}')
        self.assertEqual(status, 202)
        self.assertEqual(self.story(answer["run"])["output"]["event"]["type"], "webhook")
        runs = "/api/v1/flows/take-order/runs"
        headers = {"Idempotency-Key": "key-1"}
        status, first = administer(self.host, runs, b'{"id":"M1"}', headers)
        self.assertEqual(status, 202, first)
        self.assertEqual(self.story(first["run"])["output"]["event"]["trigger"], "by_hand")
        status, again = administer(self.host, runs, b'{"id":"M1"}', headers)
        self.assertEqual((status, again["run"]), (200, first["run"]))
        status, problem = administer(self.host, runs, b'{"id":"M2"}', headers)
        self.assertEqual((status, problem["code"]), (422, "DWL-4046"))
        status, problem = administer(self.host, runs, b"{}")
        self.assertEqual((status, problem["code"]), (422, "DWL-4003"))
        status, problem = administer(self.host, f"{runs}?trigger=hook", b"{}")
        self.assertEqual((status, problem["code"]), (404, "DWL-4012"), "a webhook is not begun from here")


if __name__ == "__main__":
    unittest.main()
