"""Requests signed with Signature Version 4, at an S3 API that checks the signatures.

The API is that of the moto project; objects are read back with boto3. Run by
`cargo xtask test aws`.
"""

import json
import logging
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

# The requests that set the account up are not checked, all others are.
SETUP_REQUESTS = 4
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = str(SETUP_REQUESTS)
os.environ["AWS_EC2_METADATA_DISABLED"] = "true"

import boto3  # noqa: E402
from moto.server import ThreadedMotoServer  # noqa: E402

logging.getLogger("werkzeug").setLevel(logging.ERROR)

REGION = "eu-central-1"
BUCKET = "orders"
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}],
}

ENVIRONMENT = """
environment: test
connections:
  store:
    connector: http
    config: {{ base_url: '{url}/{bucket}' }}
    auth:
      aws_sigv4:
        access_key_id: {{ secret: aws_id }}
        secret_access_key: {{ secret: aws_key }}
        region: {region}
        service: s3
      origins: ['{url}']
    allow: ['* {url}/{bucket}/*']
    private_addresses: [127.0.0.1/32]
"""


class Signatures(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        cls.server.start()
        host, port = cls.server.get_host_and_port()
        cls.url = f"http://{host}:{port}"
        setup = {"region_name": REGION, "endpoint_url": cls.url}
        first = {"aws_access_key_id": "setup", "aws_secret_access_key": "setup"}
        iam = boto3.client("iam", **setup, **first)
        iam.create_user(UserName="dowel")
        iam.put_user_policy(UserName="dowel", PolicyName="all", PolicyDocument=json.dumps(POLICY))
        key = iam.create_access_key(UserName="dowel")["AccessKey"]
        place = {"LocationConstraint": REGION}
        boto3.client("s3", **setup, **first).create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration=place
        )
        cls.key = key["SecretAccessKey"]
        cls.secrets = {
            "DOWEL_SECRET_AWS_ID": key["AccessKeyId"],
            "DOWEL_SECRET_AWS_KEY": cls.key,
        }
        own = {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }
        cls.s3 = boto3.client("s3", **setup, **own)
        cls.folder = tempfile.TemporaryDirectory()
        root = Path(cls.folder.name)
        for folder in ["flows", "environments", ".dowel"]:
            (root / folder).mkdir()
        (root / ".dowel" / "connectors").symlink_to(os.environ["CONNECTORS"])
        text = ENVIRONMENT.format(url=cls.url, bucket=BUCKET, region=REGION)
        (root / "environments" / "test.yaml").write_text(text)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.folder.cleanup()

    def call(self, operation, what, **secrets):
        """What `dowel connector call` prints, and whether the call was good."""
        command = [os.environ["DOWEL"], "connector", "call", f"store.{operation}"]
        command += ["--with", json.dumps(what), "--repo", self.folder.name, "--env", "test"]
        command += ["--wire", "--format", "json"]
        environment = {**os.environ, **self.secrets, **secrets}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
        self.assertNotIn(self.key, done.stdout + done.stderr)
        return done.returncode, json.loads(done.stdout or "{}"), done.stderr

    def good(self, operation, what):
        code, said, error = self.call(operation, what)
        self.assertEqual(code, 0, f"{said} {error}")
        return said["output"]

    def body_of(self, key):
        return self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()

    def test_an_object_is_put_and_got(self):
        order = {"total": "19.90", "lines": ["A", "ü", "\\"]}
        put = {"method": "PUT", "path": "2026/1.json", "body": order}
        self.assertEqual(self.good("send", put)["status"], 200)
        self.assertEqual(json.loads(self.body_of("2026/1.json")), order)
        got = self.good("get", {"path": "2026/1.json"})
        self.assertEqual(got["body"], order)

    def test_names_and_queries_that_need_encoding(self):
        put = {"method": "PUT", "path": "a%20b%2Bc/%C3%BC.json", "body": 1}
        self.good("send", put)
        self.assertEqual(self.body_of("a b+c/ü.json"), b"1")
        query = {"response-content-type": "application/json", "x-id": "Get Object+1"}
        got = self.good("get", {"path": "a%20b%2Bc/%C3%BC.json", "query": query})
        self.assertEqual(got["body"], 1)

    def test_an_object_is_deleted(self):
        self.good("send", {"method": "PUT", "path": "gone.json", "body": {}})
        self.assertEqual(self.good("send", {"method": "DELETE", "path": "gone.json"})["status"], 204)
        self.assertNotIn("Contents", self.s3.list_objects_v2(Bucket=BUCKET, Prefix="gone"))

    def test_a_wrong_key_is_refused(self):
        put = {"method": "PUT", "path": "never.json", "body": {}}
        code, said, _ = self.call("send", put, DOWEL_SECRET_AWS_KEY="wrong" * 8)
        self.assertEqual(code, 1)
        self.assertEqual(said["error"]["kind"], "forbidden", said)
        self.assertNotIn("Contents", self.s3.list_objects_v2(Bucket=BUCKET, Prefix="never"))


if __name__ == "__main__":
    unittest.main()
