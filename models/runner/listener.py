"""The other side of a connection: listener.py PORT LOG [LINE…].

Takes connections on a port, sends the lines to each with pauses in between, and
appends what comes back to the log. Returns when it listens; a child goes on.
"""

import os
import socket
import sys
import time
from pathlib import Path


def talk(connection: socket.socket, lines: list[str], log: Path) -> None:
    """Send the lines, then note what is answered until the end."""
    connection.settimeout(3)
    try:
        for line in lines:
            time.sleep(0.15)
            connection.sendall(line.encode() + b"\n")
        while data := connection.recv(4096):
            with log.open("ab") as file:
                file.write(data)
    except OSError:
        pass
    connection.close()


def main() -> None:
    """Listen, leave the foreground, and talk to whoever connects."""
    port, log, lines = int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:]
    listener = socket.create_server(("0.0.0.0", port), backlog=64)
    if os.fork():
        os._exit(0)
    while True:
        connection, _ = listener.accept()
        with log.open("ab") as file:
            file.write(b"connected\n")
        talk(connection, lines, log)


main()
