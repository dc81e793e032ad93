#!/usr/bin/env python3
"""cron.py MEMBERS USER MODE PROGRAM [ARGUMENT…].

A daemon without a terminal that starts the program through a shell, in a
session of its own, and collects what it prints to send it by mail. The mode
`direct` leaves the shell out, as anacron's run-parts does.
"""

import os
import subprocess

import start


def run_job(user: int, mode: str, program: list[str]) -> None:
    """Start the job from a process of its own that reads its output."""

    def prepare() -> None:
        os.setsid()
        if mode == "direct":
            start.join()
        start.become(user)

    direct = mode == "direct"
    child = subprocess.Popen(
        program if direct else ["/bin/sh", "-c", start.command_line(program)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        preexec_fn=prepare,
        pass_fds=() if direct else (start.GROUP,),
    )
    child.stdin.close()
    mail = bytearray()
    start.copy_output(child, child.stdout.fileno(), mail.extend)


def main() -> None:
    """Leave the terminal, then fork for the job as cron does."""
    user, mode, program = start.arguments()
    daemon = os.fork()
    if daemon == 0:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        job = os.fork()
        if job == 0:
            run_job(user, mode, program)
            os._exit(0)
        os.waitpid(job, 0)
        os._exit(0)
    os.waitpid(daemon, 0)


main()
