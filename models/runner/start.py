"""What the launchers share: the way into the group of the case, giving up root, reading output."""

import os
import select
import shlex
import subprocess
import sys

# The shells of the launchers only have names for descriptors of one digit.
GROUP = 9


def arguments() -> tuple[int, str, list[str]]:
    """User, mode and program from `MEMBERS USER MODE PROGRAM [ARGUMENT…]`.

    The group's file is opened here, as root, and stays open: a server that has
    given up root can still start a program in the group.
    """
    group = os.open(sys.argv[1], os.O_WRONLY)
    os.dup2(group, GROUP)
    os.close(group)
    return int(sys.argv[2]), sys.argv[3], sys.argv[4:]


def join() -> None:
    """Move this process into the group of the case; for a child before its exec."""
    os.write(GROUP, b"0")


def become(user: int) -> None:
    """Give up root for an ordinary user."""
    if user:
        os.setgroups([])
        os.setgid(user)
        os.setuid(user)


def command_line(program: list[str]) -> str:
    """Text for a shell of a launcher: it joins the group, then runs the program."""
    return f"printf 0 >&{GROUP}; exec {GROUP}>&-; {shlex.join(program)}"


def copy_output(child: subprocess.Popen, source: int, write) -> None:
    """Pass on what is printed until the child has ended, though others may hold its end."""
    while True:
        ready, _, _ = select.select([source], [], [], 0.05)
        if ready:
            data = os.read(source, 65_536)
            if not data:
                break
            write(data)
        elif child.poll() is not None:
            break
    child.wait()
