#!/usr/bin/env python3
"""session.py MEMBERS USER MODE PROGRAM [ARGUMENT…] [<TEXT].

A session over ssh: a real server that listens, a real client, and a key made
for it. The mode tells what the session is for: `command` runs the program
without a terminal, `terminal` with one, and `typed` types the text's lines at
the login shell.
"""

import os
import pty
import pwd
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import start
import typist

# These come from the account and from the terminal.
OWN = {"HOME", "PWD", "OLDPWD", "SHLVL", "SHELL", "USER", "LOGNAME", "MAIL", "TERM", "_"}


def account(user: int, shell: str) -> str:
    """The name of the account, which gets a shell and the home of the run."""
    name = pwd.getpwuid(user).pw_name
    change("/etc/passwd", name, lambda fields: [*fields[:5], os.environ["HOME"], shell])
    # The server turns away accounts that are locked with an exclamation mark.
    change("/etc/shadow", name, lambda fields: [fields[0], "*", *fields[2:]])
    return name


def change(file: str, name: str, new: Callable[[list[str]], list[str]]) -> None:
    """Change the line of an account."""
    path = Path(file)
    lines = [line.split(":") for line in path.read_text().splitlines()]
    lines = [new(fields) if fields[0] == name else fields for fields in lines]
    path.write_text("".join(":".join(fields) + "\n" for fields in lines))


def serve(folder: Path) -> tuple[subprocess.Popen, int]:
    """Start the server with keys, a port and an environment of its own."""
    for name in ("host", "key"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(keygen, check=True)
    (folder / "keys").write_text((folder / "key.pub").read_text())
    (folder / "keys").chmod(0o644)
    port = 22 if os.environ["PORT"] != "22" else 2222
    text = [
        f"Port {port}",
        "ListenAddress 127.0.0.1",
        f"HostKey {folder}/host",
        f"AuthorizedKeysFile {folder}/keys",
        f"PidFile {folder}/pid",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        "PrintMotd no",
        "LogLevel QUIET",
    ]
    pairs = [
        f'"{key}={value}"'
        for key, value in os.environ.items()
        if key not in OWN and not set(value) & set('"\\\n')
    ]
    (folder / "config").write_text("\n".join([*text, "SetEnv " + " ".join(pairs)]) + "\n")
    os.makedirs("/run/sshd", exist_ok=True)
    server = subprocess.Popen(["/usr/sbin/sshd", "-D", "-f", str(folder / "config")])
    return server, port


def shell_below(server: int) -> int:
    """The login shell of the only session, once it is there."""
    for _ in range(400):
        below = [server]
        while below:
            process = below.pop()
            below.extend(typist.children(process))
            try:
                executable = os.readlink(f"/proc/{process}/exe")
            except OSError:
                continue
            if executable.endswith(("/bash", "/dash", "/sh")):
                return process
        time.sleep(0.02)
    raise SystemExit("the session has started no shell")


def main() -> None:
    """Start the server, log in, put the session's shell into the group and let it go on."""
    user, mode, program = start.arguments()
    folder = Path(tempfile.mkdtemp(dir="/run"))
    folder.chmod(0o711)
    name = account(user, program[0] if mode == "typed" else "/bin/bash")
    server, port = serve(folder)
    client = ["ssh", "-q", "-F", "none", "-i", str(folder / "key"), "-p", str(port)]
    client += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    client += ["-o", "ConnectionAttempts=20", f"{name}@127.0.0.1"]
    place = shlex.quote(os.getcwd())
    lines = []
    if mode == "typed":
        lines = [f"cd {place}".encode(), *typist.read_lines(program[0])]
    gate = folder / "gate"
    os.mkfifo(gate)
    gate.chmod(0o644)
    if mode != "typed":
        client.append(f"read -r _ <{gate}; cd {place}; exec {shlex.join(program)}")
    if mode == "terminal":
        client.insert(1, "-tt")
    session, terminal = pty.fork()
    if session == 0:
        os.environ["TERM"] = "dumb"
        os.close(start.GROUP)
        os.execvp(client[0], client)
    shell = shell_below(server.pid)
    os.write(start.GROUP, str(shell).encode())
    if mode != "typed":
        gate.write_text("go\n")
    typist.type_lines(terminal, lines, shell, lambda: os.waitpid(session, os.WNOHANG)[0] != 0)
    server.terminate()


main()
