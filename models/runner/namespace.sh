#!/bin/sh
# Sets one run up inside its own mount and network namespace, runs it, and tells
# by its exit status what went wrong: 10 the set-up, 11 prepare, 12 verify.
# Nothing written here reaches the host: the folders below are private layers,
# and all the rest is read-only.

layers=
layer() {
    flat=$(printf '%s' "$1" | tr / _)
    mkdir -p "$SCRATCH/upper$flat" "$SCRATCH/work$flat" &&
        mount -t overlay -o "lowerdir=$1,upperdir=$SCRATCH/upper$flat,workdir=$SCRATCH/work$flat" \
            overlay "$1" || exit 10
    layers="$layers $1"
}

for directory in /etc /root /home /opt /srv /var/www /var/log /var/spool /var/lib /var/cache /var/mail \
    /usr/local $LAYERS; do
    [ -d "$directory" ] && layer "$directory"
done
# The scratch folder gets another way in before the temporary folders are replaced as a whole.
mount -t tmpfs -o mode=0755 tmpfs /run || exit 10
mkdir -p /run/lock /run/sshd /run/lab && chmod 1777 /run/lock
mkdir -p "$SCRATCH/temporary" "$SCRATCH/kept" "$SCRATCH/state" &&
    chmod 1777 "$SCRATCH/temporary" "$SCRATCH/kept" && cp -r "$RUNNER" "$SCRATCH/runner" &&
    mount --bind "$SCRATCH" /run/lab || exit 10
SCRATCH=/run/lab
RUNNER=$SCRATCH/runner
mount --bind "$SCRATCH/temporary" /tmp && mount --bind "$SCRATCH/kept" /var/tmp || exit 10
[ -d /dev/shm ] && { mount -t tmpfs -o mode=1777 tmpfs /dev/shm || exit 10; }

# A list of folders is never complete, so whatever is not private is read-only, the root file
# system and every other disk. Control groups and devices stay as they are.
private=" / $layers /tmp /var/tmp /run /run/lab /dev/shm "
while read -r _ _ _ _ point options _; do
    case "$private" in *" $point "*) continue ;; esac
    case "$point" in /proc* | /sys* | /dev | /dev/*) continue ;; esac
    case ",$options," in *,ro,*) continue ;; esac
    mount -o remount,bind,ro "$point" || exit 10
done </proc/self/mountinfo
mount -o remount,bind,ro / || exit 10
for place in / /usr /usr/bin /usr/lib /usr/share /var /boot; do
    case "$private" in *" $place "*) continue ;; esac
    if [ -d "$place" ] && (: >"$place/.writable-$$") 2>/dev/null; then
        rm -f "$place/.writable-$$"
        echo "$place can be written to from inside; a case could change the host" >&2
        exit 10
    fi
done

# Loopback alone, with an address that looks like another host's.
ip link set lo up && ip address add "$ADDRESS/32" dev lo || exit 10

chmod 711 "$SCRATCH"
export RUNNER SCRATCH
mkdir -p "$WORK" "$HOME" || exit 10
STATE=$SCRATCH/state
export STATE
cd "$WORK" || exit 10
/bin/sh -e "$SCRATCH/prepare" </dev/null || exit 11
[ "$RUN_AS" = 0 ] || chown -R "$RUN_AS:$RUN_AS" "$WORK" "$HOME" "$STATE"

eval "SCRIPT=$SCRIPT"
case $DELIVERY in
Typed) set -- "$INTERPRETER" -i && exec <"$SCRATCH/act" ;;
Inline) set -- "$INTERPRETER" "$INLINE_OPTION" "$(cat "$SCRATCH/act")" ;;
*)
    mkdir -p "${SCRIPT%/*}"
    cp "$SCRATCH/act" "$SCRIPT" && chmod 644 "$SCRIPT"
    case $DELIVERY in
    Executable) chmod 755 "$SCRIPT" && set -- "$SCRIPT" ;;
    Input) set -- "$INTERPRETER" && exec <"$SCRIPT" ;;
    *) set -- "$INTERPRETER" "$SCRIPT" ;;
    esac
    ;;
esac

launcher=${LAUNCHER%% *}
mode=${LAUNCHER#* }
case $launcher in
*.py) start=/usr/bin/python3 ;;
*.pl) start=/usr/bin/perl ;;
*) start=/bin/sh ;;
esac
set -- "$start" "$RUNNER/$launcher" "$MEMBERS" "$RUN_AS" "$mode" "$@"
# What identifies the lab is of no use to a case.
unset SCRATCH RUNNER LAYERS MEMBERS SCRIPT DELIVERY INTERPRETER INLINE_OPTION LAUNCHER
wrappers=$WRAPPERS
unset WRAPPERS
scratch=/run/lab
# The wrappers are words for a shell, with quoted ones among them.
eval "set -- $wrappers \"\$@\""
"$@"

RUNNER=$scratch/runner /bin/sh -e "$scratch/verify" </dev/null || exit 12
exit 0
