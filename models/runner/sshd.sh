#!/bin/sh
# sshd.sh PORT [OPTION…]: an ssh server of the run's own; returns when it listens.
# Every account can be entered with the key $STATE/key; options are those of sshd_config.
set -e
port=$1
shift
for kind in host key; do ssh-keygen -q -t ed25519 -N '' -f "$STATE/$kind"; done
cp "$STATE/key.pub" "$STATE/authorized"
cat >"$STATE/sshd_config" <<END
Port $port
HostKey $STATE/host
AuthorizedKeysFile $STATE/authorized
PidFile $STATE/sshd.pid
StrictModes no
UsePAM no
PermitRootLogin yes
Subsystem sftp internal-sftp
END
for option in "$@"; do echo "$option" >>"$STATE/sshd_config"; done
/usr/sbin/sshd -f "$STATE/sshd_config"
