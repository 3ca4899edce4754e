#!/bin/sh
# Sets the computer's clock by the time that the patrol unit has from its receiver (patrol-unit-clock.service). It runs as root
# with the one capability to set the clock. What it reads was written by the unit, which may be compromised: one line
# with two numbers, UTC and uptime in milliseconds, nothing else, and only within plausible bounds.
#
#   set-clock.sh [FILE]
set -eu
LC_ALL=C
export LC_ALL

FILE=${1:-/run/patrol-unit/gnss-time}
UPTIME=${SET_CLOCK_UPTIME:-/proc/uptime}
FIRST_MS=1793491200000 # domain/built.ts: about when this release was built
LAST_MS=2424643200000  # 20 years later
AGE_MS=10000           # an older time is not used: a later one will come
RIGHT_MS=1000          # a clock that is closer is not stepped

fail() {
    echo "set-clock: $1"
    exit 1
}

[ -f "$FILE" ] && [ ! -L "$FILE" ] || fail "$FILE is no file"
line=$(head -c 64 -- "$FILE" | tr '\n' '|')
case $line in
*[!0-9\ \|]* | *\|*\|* | *' '*' '* | ' '* | *' |') fail "$FILE does not have two numbers on one line" ;;
*' '*\|) ;;
*) fail "$FILE does not have two numbers on one line" ;;
esac
at=${line%% *}
then=${line#* }
then=${then%|}
[ ${#at} -eq 13 ] && [ ${#then} -ge 1 ] && [ ${#then} -le 13 ] || fail "$FILE has numbers that are no times"

read -r uptime rest < "$UPTIME"
# expr, because the shell takes a number with a leading 0 as octal.
age=$(expr "${uptime%.*}${uptime#*.}0" - "$then") || true
[ "$age" -ge 0 ] && [ "$age" -le $AGE_MS ] || fail "the time is $age ms old"
now=$((at + age))
[ $now -ge $FIRST_MS ] && [ $now -le $LAST_MS ] || fail "$now is not plausible"

off=$((now - $(date +%s%3N)))
if [ $off -ge -$RIGHT_MS ] && [ $off -le $RIGHT_MS ]; then
    echo "set-clock: the clock is right"
    exit 0
fi
date -u -s "@$((now / 1000)).$(printf %03d $((now % 1000)))" > /dev/null
echo "set-clock: moved by $off ms"
