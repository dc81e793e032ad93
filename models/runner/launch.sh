#!/bin/sh
# launch.sh MEMBERS USER MODE PROGRAM [ARGUMENT…]
# Joins the control group of the case and starts its program in a child, so that
# the launcher's own program is not counted to the case.
printf 0 >"$1"
user=$2
shift 3
if [ "$user" = 0 ]; then
    "$@"
else
    setpriv --reuid "$user" --regid "$user" --clear-groups "$@"
fi
exit 0
