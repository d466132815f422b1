"""Serves bare repositories over https by the program `git http-backend`.

Usage: server.py ROOT CERTIFICATE KEY TOKEN. Prints the port.
"""

import base64
import http.server
import os
import ssl
import subprocess
import sys

root, certificate, key, token = sys.argv[1:5]
expected = "Basic " + base64.b64encode(f"git:{token}".encode()).decode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, headers, body):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle_any(self):
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if path.startswith("/moved/"):
            self.answer(302, [("Location", self.path.replace("/moved/", "/"))], b"")
            return
        if path.startswith("/page/"):
            self.answer(200, [("Content-Type", "text/html")], b"<p>sign in</p>")
            return
        if self.headers.get("Authorization") != expected:
            self.answer(401, [("WWW-Authenticate", "Basic")], b"")
            return
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": root,
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": "git",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
        }
        backend = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=body, env=environment, stdout=subprocess.PIPE, check=True,
        )
        head, _, rest = backend.stdout.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
        status = [value for name, value in headers if name == "Status"]
        status = int(status[0].split()[0]) if status else 200
        self.answer(status, [h for h in headers if h[0] != "Status"], rest)

    do_GET = handle_any
    do_POST = handle_any


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
