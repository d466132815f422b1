"""Webhooks that other programs signed, sent to a real `dowel serve`.

Standard Webhooks are signed by that project's own library, the other styles by Python's
`hmac` as their documentation says. Run by `cargo xtask test webhooks`.
"""

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from datetime import datetime, timedelta, timezone
from pathlib import Path

from standardwebhooks import Webhook

PATIENCE_SECONDS = 60
STYLES = ["standard-webhooks", "github", "stripe", "shopify"]
STANDARD_KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEYS = {"HOOK_NEW": STANDARD_KEY, "HOOK_OLD": "whsec_b2xkIGtleSBvZiB0aGlzIGhvb2s="}

FLOW = """
language: dowel/v1
flow: take-{style}
version: 1.0.0
trigger: {{ webhook: {{ path: /{style}, verify: {style}, schema: schemas/body.json }} }}
steps: [ {{ id: seen, set: {{ id: '${{ $trigger.id }}' }} }} ]
output: '${{ $vars }}'
"""

ENVIRONMENT = """
environment: test
triggers:
"""


def hmac_of(key, *pieces):
    return hmac.new(key.encode(), b"".join(pieces), hashlib.sha256)


def signed(style, body, key=STANDARD_KEY, away=0, message="msg_1"):
    """The headers that a sender of this style adds."""
    moment = datetime.now(timezone.utc) + timedelta(seconds=away)
    seconds = str(int(moment.timestamp()))
    if style == "standard-webhooks":
        signature = Webhook(key).sign(message, moment, body.decode())
        return {"webhook-id": message, "webhook-timestamp": seconds, "webhook-signature": signature}
    if style == "stripe":
        hexes = hmac_of(key, seconds.encode(), b".", body).hexdigest()
        return {"Stripe-Signature": f"t={seconds},v1={hexes},v0=00"}
    if style == "github":
        return {"X-Hub-Signature-256": "sha256=" + hmac_of(key, body).hexdigest()}
    text = base64.b64encode(hmac_of(key, body).digest()).decode()
    return {"X-Shopify-Hmac-Sha256": text}


class Host:
    """A host process on a repository of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        environment = ENVIRONMENT
        for style in STYLES:
            flow = root / "flows" / f"take-{style}"
            (flow / "schemas").mkdir(parents=True)
            (flow / "flow.yaml").write_text(FLOW.format(style=style))
            (flow / "schemas" / "body.json").write_text('{ "type": "object", "required": ["id"] }')
            environment += f"  take-{style}: {{ webhook: {{ verify_secret: [hook_new, hook_old] }} }}\n"
        (root / "environments").mkdir()
        (root / "environments" / "test.yaml").write_text(environment)
        (root / ".dowel" / "connectors").mkdir(parents=True)
        command = [os.environ["DOWEL"], "serve", "--repo", str(root), "--env", "test"]
        command += ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        secrets = {f"DOWEL_SECRET_{name}": value for name, value in KEYS.items()}
        self.process = subprocess.Popen(
            command,
            env=dict(os.environ, **secrets, DOWEL_LOG="off"),
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"ready public=(\S+) admin=\S+ socket=\S+\n", line)
        if not found:
            self.stop()
            raise RuntimeError(f"the host is not ready, it said {line!r}")
        self.public = found[1]

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        self.folder.cleanup()


def exchange(url, body, headers):
    request = urllib.request.Request(url, data=body, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=PATIENCE_SECONDS) as response:
            return response.status, json.loads(response.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


class Webhooks(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = Host()
        cls.addClassCleanup(cls.host.stop)

    def send(self, style, body, headers):
        return exchange(f"{self.host.public}/hooks/{style}", body, headers)

    def body(self, style):
        """One that no other test sends."""
        return json.dumps({"id": f"{style} {self.id()} {time.time_ns()}"}).encode()

    def test_signed_by_either_key_and_only_once(self):
        for style in STYLES:
            for key in KEYS.values():
                with self.subTest(style=style, key=key):
                    body = self.body(style)
                    headers = signed(style, body, key, message=f"msg_{time.time_ns()}")
                    status, first = self.send(style, body, headers)
                    self.assertEqual((status, first["status"]), (202, "accepted"), first)
                    status, again = self.send(style, body, headers)
                    self.assertEqual((status, again["status"]), (200, "duplicate"), again)
                    self.assertEqual(first["run"], again["run"])

    def test_a_repeated_delivery_that_is_signed_anew_is_the_same_message(self):
        for style in ["standard-webhooks", "stripe"]:
            with self.subTest(style=style):
                body = self.body(style)
                message = f"msg_{time.time_ns()}"
                earlier = signed(style, body, away=-120, message=message)
                later = signed(style, body, message=message)
                self.assertEqual(self.send(style, body, earlier)[0], 202)
                status, again = self.send(style, body, later)
                self.assertEqual((status, again["status"]), (200, "duplicate"))

    def test_what_is_not_believed(self):
        for style in STYLES:
            body = self.body(style)
            wrong_key = "whsec_" + base64.b64encode(b"nobody has this one").decode()
            cases = {
                "nothing": {},
                "another key": signed(style, body, wrong_key),
                "another body": signed(style, body + b" "),
                "a token": {"Authorization": f"Bearer {STANDARD_KEY}"},
            }
            for name, headers in cases.items():
                with self.subTest(style=style, case=name):
                    status, problem = self.send(style, body, headers)
                    self.assertEqual((status, problem["code"]), (401, "DWL-4008"), problem)
                    self.assertNotIn(STANDARD_KEY, json.dumps(problem))

    def test_times_too_far_away(self):
        for style in ["standard-webhooks", "stripe"]:
            for away in [-400, 400]:
                with self.subTest(style=style, away=away):
                    body = self.body(style)
                    status, problem = self.send(style, body, signed(style, body, away=away))
                    self.assertEqual((status, problem["code"]), (401, "DWL-4047"), problem)

    def test_a_signature_does_not_make_a_payload_right(self):
        for style in STYLES:
            with self.subTest(style=style):
                body = b'{"other": 1}'
                status, problem = self.send(style, body, signed(style, body))
                self.assertEqual((status, problem["code"]), (422, "DWL-4003"), problem)

    def test_a_ping_of_github_begins_no_run(self):
        body = b'{"zen": "Keep it logically awesome."}'
        headers = signed("github", body) | {"X-GitHub-Event": "ping"}
        self.assertEqual(self.send("github", body, headers), (200, {"status": "greeted"}))
        headers["X-Hub-Signature-256"] = "sha256=00"
        self.assertEqual(self.send("github", body, headers)[0], 401)


if __name__ == "__main__":
    unittest.main()
