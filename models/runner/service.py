#!/usr/bin/env python3
"""service.py MEMBERS USER MODE PROGRAM [ARGUMENT…].

A bare supervisor that starts the program as a service: no input, no terminal,
a session of its own, and output into the `socket` of a journal, a `pipe` or a
`file`, as the mode says.
"""

import ctypes
import os
import socket
import subprocess
import tempfile
from pathlib import Path

import start

PR_SET_CHILD_SUBREAPER = 36


def journal() -> socket.socket:
    """A stream to a process that keeps what is written to it."""
    folder = tempfile.mkdtemp(dir="/run")
    heard, told = os.pipe()
    if os.fork() == 0:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(f"{folder}/stdout")
        listener.listen()
        os.write(told, b"ready")
        stream, _ = listener.accept()
        with Path(folder, "log").open("wb") as log:
            while data := stream.recv(65_536):
                log.write(data)
        os._exit(0)
    os.read(heard, 5)
    stream = socket.socket(socket.AF_UNIX)
    stream.connect(f"{folder}/stdout")
    return stream


def main() -> None:
    """Open the streams, start the service and wait for its end."""
    user, mode, program = start.arguments()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    output = {"pipe": subprocess.PIPE, "file": tempfile.TemporaryFile()}.get(mode) or journal()

    def prepare() -> None:
        os.setsid()
        start.join()
        start.become(user)

    child = subprocess.Popen(
        program,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        preexec_fn=prepare,
    )
    if child.stdout:
        start.copy_output(child, child.stdout.fileno(), lambda _: None)
    child.wait()


main()
