"""A proxy by the library `pproxy`, for SOCKS 5 and HTTP CONNECT on one port.

Its arguments are a user and a password, or nothing. It prints one JSON document a line: {"port"} once it listens, then
{"said"} with what the library says of each connection. It ends when its standard input ends, so that it never outlives
the test that started it.
"""

import asyncio
import json
import sys
import threading

import pproxy


def say(document):
    print(json.dumps(document), flush=True)


async def serve(login):
    server = pproxy.Server("http+socks5://127.0.0.1:0" + login)
    heard = {"rserver": [pproxy.Connection("direct://")], "verbose": lambda text: say({"said": str(text)})}
    listening = await server.start_server(heard)
    say({"port": listening.sockets[0].getsockname()[1]})
    await asyncio.Event().wait()


def main():
    login = "#" + ":".join(sys.argv[1:3]) if len(sys.argv) > 2 else ""
    threading.Thread(target=lambda: asyncio.run(serve(login)), daemon=True).start()
    sys.stdin.read()


main()
