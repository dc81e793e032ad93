"""A name server: names.py LOG [TEXT…].

Answers every question on port 53 of all addresses: with an address, or, when text
is asked for, with the texts in turn. Questions go to the log. Returns when it serves,
and makes this run's programs ask it.
"""

import os
import socket
import sys
from pathlib import Path

TEXT = 16


def answer(question: bytes, texts: list[bytes], number: int) -> bytes:
    """One record for the one question of a message."""
    end = question.index(b"\0", 12) + 5
    kind = int.from_bytes(question[end - 4 : end - 2], "big")
    if kind == TEXT:
        text = texts[number % len(texts)]
        data = bytes([len(text)]) + text
    else:
        kind, data = 1, bytes((127, 0, 0, 1))
    head = question[:2] + b"\x81\x80\0\1\0\1\0\0\0\0"
    record = b"\xc0\x0c" + kind.to_bytes(2, "big") + b"\0\1\0\0\0\1" + len(data).to_bytes(2, "big")
    return head + question[12:end] + record + data


def main() -> None:
    """Bind, leave the foreground, and answer."""
    log, texts = Path(sys.argv[1]), [text.encode() for text in sys.argv[2:]] or [b"none"]
    Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\n")
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("0.0.0.0", 53))
    if os.fork():
        os._exit(0)
    number = 0
    while True:
        question, peer = server.recvfrom(2048)
        with log.open("ab") as file:
            file.write(question[12:] + b"\n")
        try:
            server.sendto(answer(question, texts, number), peer)
        except ValueError:
            continue
        number += 1


main()
