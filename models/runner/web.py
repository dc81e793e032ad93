"""web.py DIRECTORY PORT: serves a directory and takes uploads; returns when it listens."""

import http.server
import os
import sys
from functools import partial


class Handler(http.server.SimpleHTTPRequestHandler):
    """A file server that also swallows what is posted."""

    def do_POST(self) -> None:
        """Read the whole body and answer that it was taken."""
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0 and (data := self.rfile.read(min(left, 65_536))):
            left -= len(data)
        self.send_response(200)
        self.end_headers()

    do_PUT = do_POST

    def log_message(self, *_: object) -> None:
        """Print nothing."""


def main() -> None:
    """Bind, leave the foreground, and serve."""
    handler = partial(Handler, directory=sys.argv[1])
    server = http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), handler)
    if os.fork():
        os._exit(0)
    server.serve_forever()


main()
