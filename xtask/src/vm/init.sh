#!/bin/sh
# The first process of the guest: sets the system up, runs what /etc/plan names, and switches the
# machine off. It talks to the host by lines on the console that begin with `##vm`, which
# `console.rs` reads.

PATH=/usr/bin:/usr/sbin
HOME=/root
export PATH HOME

# A kernel's first file system has nothing below it, and nothing can be put in its place: a
# container's root could not be made here. Bound to itself it is a mount like any other.
if [ "$1" != moved ]; then
    mount --bind / /mnt
    cd /mnt || exit 1
    mount --move . /
    exec chroot . /init moved
fi
cd /

uptime_now() {
    read -r seconds _ </proc/uptime
    echo "$seconds"
}

say() {
    echo "##vm $*"
}

# Messages of the kernel cut into the lines of others. While data goes out, only those of a kernel
# that is about to die may.
hush() {
    echo 1 >/proc/sys/kernel/printk
}

# Warnings and worse.
loud() {
    echo 5 >/proc/sys/kernel/printk
}

# NAME COMMAND...
run() {
    name=$1
    shift
    hush
    say "begin $name $(uptime_now)"
    loud
    "$@" </dev/null 2>&1
    status=$?
    hush
    say "end $name $status $(uptime_now)"
    loud
}

# KIND TIER FILE: prints a file for the host.
give() {
    [ -s "$3" ] || return
    hush
    say "data $1 $2"
    cat "$3"
    echo
    say "data-end"
    loud
}

# Not every kernel has all of these: what the sensor or a test misses, it says.
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /run
mount -t bpf bpf /sys/fs/bpf
mount -t tracefs tracefs /sys/kernel/tracing
mount -t securityfs securityfs /sys/kernel/security
mount -t debugfs debugfs /sys/kernel/debug
mount -t cgroup2 cgroup2 /sys/fs/cgroup
[ -e /dev/fd ] || ln -s /proc/self/fd /dev/fd
ip link set lo up
hostname guest
# Those of the kernel that runs; the archive has those of every one.
mv "/modules/$(uname -r)"/*.ko /modules/

. /etc/plan

hush
say "up $(uptime_now) $(uname -r) $(cat /sys/kernel/security/lsm)"
loud

cd /tmp || exit 1
export SENSOR_BIN=/opt/sensor/debug/sensor
# Each test loads a sensor, which watches the whole machine.
export RUST_TEST_THREADS=1
# The kernel's command line has it in the environment.
for tier in $(echo "$sensor_tiers" | tr , ' '); do
    export SENSOR_TIER="$tier"
    for target in $targets; do
        export SENSOR_MATRIX="/tmp/matrix-$tier.jsonl"
        run "$target/$tier" "/opt/sensor/debug/deps/$target" --color never "$@"
    done
    give matrix "$tier" "/tmp/matrix-$tier.jsonl"
    if [ -n "$verifier" ]; then
        verify() {
            "$SENSOR_BIN" doctor --tier "$tier" --json --verifier >"/run/verifier-$tier.json"
        }
        run "verifier/$tier" verify
        give verifier "$tier" "/run/verifier-$tier.json"
    fi
    if [ -n "$bench" ]; then
        # It is several words.
        # shellcheck disable=SC2086
        run "bench/$tier" $bench --tier "$tier" --output "/run/bench-$tier.json"
        give bench "$tier" "/run/bench-$tier.json"
    fi
done

# What the kernel said while it was told to be quiet is not lost either.
dmesg -r | grep '^<[0-4]>' >/run/kernel
give kernel all /run/kernel
hush
say "done $(uptime_now)"
sync
poweroff -f
