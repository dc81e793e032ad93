#!/bin/sh
# ssh-host.sh PORT DIRECTORY: an ssh server for root; the directory gets `config` and `key` for a client.
set -e
mkdir -p "$2" /run/sshd
ssh-keygen -q -t ed25519 -N '' -f "$2/key"
ssh-keygen -q -t ed25519 -N '' -f "$2/host"
cp "$2/key.pub" "$2/accepted"
cat >"$2/server" <<END
Port $1
HostKey $2/host
AuthorizedKeysFile $2/accepted .ssh/authorized_keys
PidFile $2/pid
StrictModes no
UsePAM no
PermitRootLogin yes
Subsystem sftp internal-sftp
END
cat >"$2/config" <<END
Host *
  User root
  Port $1
  IdentityFile $2/key
  StrictHostKeyChecking no
  UserKnownHostsFile /dev/null
  LogLevel ERROR
END
chmod 755 "$2"
/usr/sbin/sshd -f "$2/server" -E "$2/server.log"
