"""files.py DIRECTORY COUNT [USERS]: a tree of documents such as people have."""

import os
import random
import sys
from pathlib import Path

SUFFIXES = (".txt", ".docx", ".pdf", ".jpg", ".csv", ".sql", ".xlsx", ".md", ".png", ".conf")
WORDS = ("report", "invoice", "photo", "notes", "plan", "budget", "backup", "letter", "list")


def main() -> None:
    """Write the files over a few directories, of a few bytes to some tens of kilobytes."""
    top, count = Path(sys.argv[1]), int(sys.argv[2])
    directories = [top] + [top / random.choice(WORDS) / f"{n}" for n in range(random.randint(0, 6))]
    for directory in directories:
        directory.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        name = f"{random.choice(WORDS)}-{number}{random.choice(SUFFIXES)}"
        size = random.choice((50, 700, 4_000, 30_000))
        line = b"the quick brown fox jumps over the lazy dog %d\n" % number
        data = os.urandom(size) if random.random() < 0.3 else line * (size // 45 + 1)
        (random.choice(directories) / name).write_bytes(data)


main()
