#!/usr/bin/env python3
"""agent.py MEMBERS USER MODE PROGRAM [ARGUMENT…].

An agent that has connected to a coordinator, gets a job over the connection
and runs it through `bash -e` with pipes, reporting what is printed. The mode
tells how the shell gets the job: as a `file` in a temporary folder or as its
`argument`.
"""

import os
import socket
import subprocess
import tempfile

import start


def coordinate(told: int) -> None:
    """Listen, tell on which port, hand out the one job and read the report."""
    listener = socket.create_server(("127.0.0.1", 0))
    os.write(told, str(listener.getsockname()[1]).encode())
    connection, _ = listener.accept()
    connection.sendall(b'{"job": 1}\n')
    while connection.recv(65_536):
        pass


def work(connection: socket.socket, user: int, mode: str, program: list[str]) -> None:
    """Wait for the job, run it, report."""
    connection.recv(4096)
    text = start.command_line(program)
    with tempfile.NamedTemporaryFile("w", prefix="job", suffix=".sh") as script:
        if mode == "file":
            script.write(f"set -o pipefail\n{text}\n")
            script.flush()
            os.fchmod(script.fileno(), 0o755)
            shell = ["/bin/bash", "-e", script.name]
        else:
            shell = ["/bin/bash", "-e", "-c", text]
        child = subprocess.Popen(
            shell,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            preexec_fn=lambda: start.become(user),
            pass_fds=(start.GROUP,),
        )
        start.copy_output(child, child.stdout.fileno(), connection.sendall)
    connection.close()


def main() -> None:
    """Start the coordinator, connect to it and work."""
    user, mode, program = start.arguments()
    heard, told = os.pipe()
    if os.fork() == 0:
        coordinate(told)
        os._exit(0)
    port = int(os.read(heard, 16))
    work(socket.create_connection(("127.0.0.1", port)), user, mode, program)


main()
