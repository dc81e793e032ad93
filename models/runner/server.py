#!/usr/bin/env python3
"""server.py MEMBERS USER MODE PROGRAM [ARGUMENT…].

A server that starts the program for a request: a process listens, a worker
that has given up root takes the connection. The mode tells what the program
gets as its streams: `pipe` as CGI does it, `socket` the connection itself, and
`shell` a pipe and a shell in between, as PHP's functions do it.
"""

import contextlib
import os
import signal
import socket
import subprocess

import start

BODY = b"name=value&page=1"


def visit(address: tuple[str, int]) -> None:
    """Ask for the page and read the answer to its end."""
    with socket.create_connection(address) as connection:
        head = f"POST /index HTTP/1.0\r\nContent-Length: {len(BODY)}\r\n\r\n"
        connection.sendall(head.encode() + BODY)
        while connection.recv(4096):
            pass


def answer(connection: socket.socket, mode: str, program: list[str]) -> None:
    """Read the request and run the program for it."""
    connection.recv(4096)
    if mode == "socket":
        child = subprocess.Popen(
            program, stdin=connection, stdout=connection, preexec_fn=start.join
        )
        child.wait()
    else:
        shell = mode == "shell"
        child = subprocess.Popen(
            ["/bin/sh", "-c", start.command_line(program)] if shell else program,
            stdin=subprocess.DEVNULL if shell else subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=None if shell else start.join,
            pass_fds=(start.GROUP,) if shell else (),
        )
        if child.stdin:
            try:
                child.stdin.write(BODY)
                child.stdin.close()
            except BrokenPipeError:
                pass
        start.copy_output(child, child.stdout.fileno(), lambda data: send(connection, data))
    connection.close()


def send(connection: socket.socket, data: bytes) -> None:
    """Send what the client still wants."""
    try:
        connection.sendall(data)
    except OSError:
        pass


def main() -> None:
    """Listen, start workers, and let one visitor come."""
    user, mode, program = start.arguments()
    listener = socket.create_server(("127.0.0.1", 0))
    workers = []
    for _ in range(2):
        worker = os.fork()
        if worker == 0:
            start.become(user)
            answer(listener.accept()[0], mode, program)
            os._exit(0)
        workers.append(worker)
    visitor = os.fork()
    if visitor == 0:
        visit(listener.getsockname())
        os._exit(0)
    # One worker ends with its request; the other goes on waiting for the next.
    while os.wait()[0] not in workers:
        pass
    for process in (*workers, visitor):
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGTERM)


main()
