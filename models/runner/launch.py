#!/usr/bin/env python3
"""launch.py MEMBERS USER MODE PROGRAM [ARGUMENT…].

As launch.sh, with Python as the parent and with the standard streams that the
mode names: null, pipe, file, terminal, socket or daemon.
"""

import os
import pty
import socket
import subprocess
import sys
import tempfile
from pathlib import Path


def run_on_terminal(program: list[str], user: int) -> None:
    """Run the program on a terminal of its own and copy what it prints."""
    child, terminal = pty.fork()
    if child == 0:
        become(user)
        os.execv(program[0], program)
    while True:
        try:
            data = os.read(terminal, 4096)
        except OSError:
            break
        if not data:
            break
        os.write(1, data)
    os.waitpid(child, 0)


def become(user: int) -> None:
    """Give up root for an ordinary user."""
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


def run_on_socket(program: list[str], user: int) -> None:
    """Run the program with a socket pair as its streams, as inetd and Node do."""
    ours, theirs = socket.socketpair()
    child = subprocess.Popen(
        program, stdin=theirs, stdout=theirs, preexec_fn=lambda: become(user)
    )
    theirs.close()
    ours.shutdown(socket.SHUT_WR)
    while ours.recv(4096):
        pass
    child.wait()


def main() -> None:
    """Join the group of the case and start its program in a child."""
    members, user, mode, program = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4:]
    Path(members).write_text("0")
    if mode == "terminal":
        run_on_terminal(program, user)
    elif mode == "socket":
        run_on_socket(program, user)
    else:
        output: int | object = subprocess.PIPE
        if mode == "null":
            output = subprocess.DEVNULL
        elif mode == "file":
            output = tempfile.TemporaryFile()
        subprocess.run(
            program,
            stdin=subprocess.PIPE if mode == "pipe" else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if mode == "daemon" else None,
            start_new_session=mode == "daemon",
            preexec_fn=lambda: become(user),
            check=False,
        )


main()
