#!/usr/bin/env python3
"""keyboard.py MEMBERS USER MODE PROGRAM [ARGUMENT…] <TEXT.

A shell on a terminal of its own, at which somebody types the lines of the
text, each when the shell asks for it. The mode has no meaning here.
"""

import os
import pty

import start
import typist


def main() -> None:
    """Start the shell and type until it ends."""
    user, _, program = start.arguments()
    lines = typist.read_lines(program[0])
    shell, terminal = pty.fork()
    if shell == 0:
        os.environ["TERM"] = "dumb"
        start.join()
        os.close(start.GROUP)
        start.become(user)
        os.execv(program[0], program)
    typist.type_lines(terminal, lines, shell, lambda: os.waitpid(shell, os.WNOHANG)[0] != 0)


main()
