"""A visitor of a web server: visit.py PORT LOG PATH…

Asks for each path as soon as somebody serves the port, and appends the answers to
the log. A word that begins with "+" is posted to the path before it as `c=…`.
"""

import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path


def ask(url: str, body: bytes | None) -> bytes:
    """Try for five seconds, then give up."""
    for _ in range(50):
        try:
            with urllib.request.urlopen(url, data=body, timeout=3) as answer:
                return answer.read()
        except urllib.error.HTTPError as answer:
            return answer.read()
        except OSError:
            time.sleep(0.1)
    return b""


def main() -> None:
    """Make the requests in order."""
    port, log, words = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    path = "/"
    for word in words:
        body = None
        if word.startswith("+"):
            body = urllib.parse.urlencode({"c": word[1:]}).encode()
        else:
            path = urllib.parse.quote(word, safe="/?=&%")
        with log.open("ab") as file:
            file.write(ask(f"http://127.0.0.1:{port}{path}", body))


main()
