"""Types lines at a terminal, each when the shell there asks for it."""

import os
import re
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path

# What a shell shows when it waits: a short line that ends like a prompt.
PROMPT = re.compile(rb"(?:^|[\r\n\x07])[^\r\n]{0,120}[#$>] \Z")
# Seconds of silence after which an idle shell is taken to wait without a prompt.
SILENCE = 0.5


def read_lines(shell: str) -> list[bytes]:
    """The text on standard input, with what ends the session."""
    lines = sys.stdin.buffer.read().splitlines()
    # A person types an exclamation mark with care; the texts were not written with any.
    first = [b"set +H"] if shell.endswith("bash") else []
    return [*first, *lines, b"exit", b"exit"]


def children(parent: int) -> list[int]:
    """Processes below a process."""
    try:
        text = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    except OSError:
        return []
    return [int(number) for number in text.split()]


def is_idle(shell: int) -> bool:
    """Whether the shell sleeps in the foreground; its prompt may go elsewhere."""
    try:
        fields = Path(f"/proc/{shell}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return False
    state, group, foreground = fields[0], fields[2], fields[5]
    return state == "S" and group == foreground and not children(shell)


def type_lines(
    terminal: int, lines: list[bytes], shell: int, ended: Callable[[], bool]
) -> None:
    """Type each line at a prompt of the shell, until the session has ended."""
    waiting = list(lines)
    shown = b""
    last = time.monotonic()
    while True:
        ready, _, _ = select.select([terminal], [], [], 0.05)
        now = time.monotonic()
        if ready:
            try:
                data = os.read(terminal, 65_536)
            except OSError:
                break
            if not data:
                break
            shown = (shown + data)[-4_096:]
            last = now
        elif waiting and (PROMPT.search(shown) or (now - last > SILENCE and is_idle(shell))):
            shown = b""
            last = now
            os.write(terminal, waiting.pop(0) + b"\n")
        if ended():
            break
