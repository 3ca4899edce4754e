#!/bin/sh
# A USB stick with releases of the software (*.release, each with its package beside it): installs them, as root, as a
# technician would with `flash release`, which checks everything. patrol-unit-stick@.service runs it.
#
#   stick-release.sh STICK ROOT ANSWER   the result is written to the folder ANSWER
set -eu
LC_ALL=C
export LC_ALL
# The service, another user, reads the result; the unit of the stick has a mask of its own.
umask 022

FILES=8 # further ones are not looked at
stick=$1 root=$2 answer=$3
unit=${STICK_PATROL_UNIT:-patrol-unit}

result() { # FIRST LINE, LINE
    # What has its name may be a link.
    rm -rf "$answer/RESULT-release.txt"
    (set -C && printf '%s\r\n' "$1" "$2" "What to do: $3" > "$answer/RESULT-release.txt")
}

n=0
for file in "$stick"/*.release; do
    [ -f "$file" ] && [ ! -L "$file" ] || continue
    n=$((n + 1))
    [ $n -le $FILES ] || break
    # A version that was taken back is not installed again by a stick that was left in.
    if says=$("$unit" flash release "$file" --root "$root" --unattended 2>&1); then
        result "DONE" "$says" "leave the ignition on until dispatch sees the car."
        # Only one release is installed: the others were judged against the old version.
        exit 0
    fi
    result "REFUSED" "$(printf '%s' "$says" | tail -n 1 | cut -c 1-400)" "see TECHNICIAN.md, a new version of the software."
done
