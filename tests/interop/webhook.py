"""An application's webhook, which believes nothing that the library `standardwebhooks` does not verify.

Its argument is the secret. It prints one JSON document a line: {"port"} once it listens, then {"verified"} with the
body or {"refused"} with the reason for each request. It ends when its standard input ends, so that it never outlives
the test that started it.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks import Webhook

PRINTING = threading.Lock()


class Application(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    webhook = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            event = self.webhook.verify(body, headers)
        except Exception as refusal:  # Whatever it raises, the request is not what it claims to be.
            say({"refused": f"{type(refusal).__name__}: {refusal}"})
            self.answer(400)
            return
        say({"verified": {"id": headers["webhook-id"], "event": event}})
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        """Nobody reads it."""


def say(document):
    with PRINTING:
        print(json.dumps(document), flush=True)


def main():
    Application.webhook = Webhook(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    server.daemon_threads = True
    say({"port": server.server_address[1]})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


main()
