"""The API of a real `dowel serve`, asked by `schemathesis` what its own description promises.

Every operation of `/api/v1/openapi.json` is sent valid and invalid requests, with and without
a token, and every answer is compared with the description. Run by `cargo xtask test api`.
"""

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

PATIENCE_SECONDS = 60
# Requests for each operation in the random part; the number of all is what bounds the time.
EXAMPLES = 12
SEED = 20260701

FLOW = """
language: dowel/v1
flow: orders
version: 1.0.0
trigger: { manual: {} }
steps: [ { id: seen, set: { id: '${ $trigger.id }' } } ]
output: '${ $vars }'
"""

ENVIRONMENT = """
environment: test
"""

# What is not asked, and why.
LEFT_OUT = [
    "/events",  # on the public listener
    "/hooks/{path}",  # on the public listener
    "/api/v1/events",  # a stream without an end
    "/api/v1/runs/{id}/events",  # a stream without an end
    "/api/v1/tokens/{id}/revoke",  # finds out the id of the token that it is asked with
    "/api/v1/login/device",  # refuses a caller after a few, on purpose
    "/api/v1/login/device/token",  # the same, and then the caller's token as well
]

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
]


class Unix(http.client.HTTPConnection):
    """HTTP over the socket on which the machine administers its host."""

    def __init__(self, path):
        super().__init__("localhost", timeout=PATIENCE_SECONDS)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class Host:
    """A host process on a repository of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        root = Path(self.folder.name)
        flow = root / "flows" / "orders"
        flow.mkdir(parents=True)
        (flow / "flow.yaml").write_text(FLOW)
        (root / "environments").mkdir()
        (root / "environments" / "test.yaml").write_text(ENVIRONMENT)
        (root / ".dowel" / "connectors").mkdir(parents=True)
        command = [os.environ["DOWEL"], "serve", "--repo", str(root), "--env", "test"]
        command += ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
        self.process = subprocess.Popen(
            command,
            env=dict(os.environ, DOWEL_LOG="off"),
            stdout=subprocess.PIPE,
            text=True,
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"ready public=\S+ admin=(\S+) socket=(\S+)\n", line)
        if not found:
            self.stop()
            raise RuntimeError(f"the host is not ready, it said {line!r}")
        self.admin, self.socket = found[1], found[2]

    def ask(self, method, path, body=None):
        """Asks as the machine."""
        connection = Unix(self.socket)
        headers = {"content-type": "application/json"}
        connection.request(method, path, body and json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return json.loads(text)

    def token(self):
        wanted = {"name": "schemathesis", "service": "schemathesis", "grants": [{"role": "admin"}]}
        return self.ask("POST", "/api/v1/tokens", wanted)["token"]

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()
        self.folder.cleanup()


class Api(unittest.TestCase):
    def setUp(self):
        self.host = Host()
        self.addCleanup(self.host.stop)
        self.token = self.host.token()
        for number in range(3):
            self.host.ask("POST", "/api/v1/flows/orders/runs", {"id": number})

    def run_schemathesis(self, checks, phases, examples):
        """How many requests were sent; fails if an answer is not as described."""
        command = [sys.executable, "-m", "schemathesis.cli", "run"]
        command += [f"{self.host.admin}/api/v1/openapi.json"]
        command += ["--header", f"Authorization: Bearer {self.token}"]
        command += ["--checks", ",".join(checks), "--phases", phases]
        command += ["--max-examples", str(examples), "--seed", str(SEED), "--continue-on-failure"]
        command += ["--suppress-health-check", "all", "--generation-database", "none", "--no-color"]
        # Tokens that do not count are limited for each address, and sent in a test of their own.
        command += ["--generation-with-security-parameters", "false"]
        for path in LEFT_OUT:
            command += ["--exclude-path", path]
        done = subprocess.run(
            command,
            cwd=self.host.folder.name,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.assertEqual(done.returncode, 0, done.stdout)
        found = re.search(r"(\d+) generated", done.stdout)
        self.assertTrue(found, done.stdout)
        return int(found[1])

    def test_the_host_keeps_what_its_description_promises(self):
        sent = self.run_schemathesis(CHECKS, "examples,coverage,fuzzing", EXAMPLES)
        self.assertGreater(sent, 500)

    def status(self, method, path, headers):
        """What a caller on the admin listener is answered."""
        connection = http.client.HTTPConnection(
            self.host.admin.removeprefix("http://"), timeout=PATIENCE_SECONDS
        )
        connection.request(method.upper(), path, headers=headers)
        answer = connection.getresponse()
        connection.close()
        return answer.status

    def test_nobody_is_answered_without_a_token(self):
        """Not by schemathesis: it also sends tokens that do not count, so many that the host,
        as it should, stops answering the address."""
        document = self.host.ask("GET", "/api/v1/openapi.json")
        asked = 0
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if operation.get("security") == []:
                    continue
                filled = re.sub(r"\{[a-z_]+\}", "x", path)
                with self.subTest(method=method, path=path):
                    self.assertEqual(self.status(method, filled, {}), 401)
                asked += 1
        self.assertGreater(asked, 40)
        wrong = {"authorization": "Bearer dwl_x"}
        self.assertEqual(self.status("GET", "/api/v1/runs", wrong), 401)


if __name__ == "__main__":
    unittest.main()
