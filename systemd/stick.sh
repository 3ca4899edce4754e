#!/bin/sh
# A USB stick with bundles: takes them to the service, and the answer to the stick (patrol-unit-stick@.service). It runs
# as the service's user. It parses nothing: the service does.
#
#   stick.sh take STICK ROOT ANSWER   copies STICK/*.patrol to the service, and its answer to the folder ANSWER
#   stick.sh tell STICK ANSWER        writes the answer to the stick
set -eu
LC_ALL=C
export LC_ALL

FILES=64                         # further ones are not copied; the service looks at no more
BYTES=524289                     # one more than a bundle may have: the service refuses it as too large
ANSWER_S=${STICK_ANSWER_S:-40}   # the service looks each second; another program may work on the root
TRIAL_S=${STICK_TRIAL_S:-60}     # the end of a trial is waited for
BOOT_S=90                        # a stick that is found so soon after the start was in already
UPTIME=${STICK_UPTIME:-/proc/uptime}

fail() {
    echo "stick: $1"
    exit 1
}

# The bundles, into a folder that the service does not look at. Fails if one of them cannot be copied.
copy() {
    rm -rf "$inbox/stick.new" && mkdir "$inbox/stick.new" || return 1
    n=0
    for file in "$stick"/*.patrol; do
        [ -f "$file" ] && [ ! -L "$file" ] || continue
        n=$((n + 1))
        [ $n -le $FILES ] || break
        name=${file##*/}
        # Names are anybody's.
        case $name in *[!A-Za-z0-9._\ -]*) name=bundle-$n.patrol ;; esac
        while [ -e "$inbox/stick.new/$name" ]; do name=again-$name; done
        head -c $BYTES -- "$file" > "$inbox/stick.new/$name" || return 1
    done
    # A stick that is gone looks like an empty one.
    ls -- "$stick" > /dev/null
}

# The file with the service's answer, if there is one.
answered() {
    for answer in "$inbox"/RESULT-*.txt; do
        [ -f "$answer" ] && [ ! -L "$answer" ] && return 0
    done
    return 1
}

# Whether the stick was left in: the computer has just started, the stick has this car's result, and no bundle that is
# newer. A version that failed its trial must not be installed at each start.
left_in() {
    read -r up _ < "$UPTIME"
    [ "${up%.*}" -lt $BOOT_S ] || return 1
    answered && [ -f "$stick/${answer##*/}" ] || return 1
    for file in "$stick"/*.patrol; do
        [ ! "$file" -nt "$stick/${answer##*/}" ] || return 1
    done
}

# Whether the stick has a file with this ending.
has() {
    for file in "$stick"/*."$1"; do [ ! -f "$file" ] || return 0; done
    return 1
}

# A bundle that waits since an earlier stick is replaced. The service sees all of the new ones or nothing.
hand_over() {
    rm -rf "$inbox/stick"
    rm -f "$inbox"/RESULT-*.txt
    mv -T "$inbox/stick.new" "$inbox/stick"
}

take() {
    stick=$1 inbox=$2/inbox
    # stick-release.sh takes that.
    if has release && ! has patrol; then return; fi
    [ -d "$inbox" ] || fail "$inbox is not there: patrol-unit init makes it"
    # Two sticks: one after the other.
    exec 9< "$inbox"
    flock -w 180 9 || fail "another stick takes too long"
    if left_in; then
        echo "stick: it was left in, and nothing on it is new"
        return
    fi
    if ! copy; then
        rm -rf "$inbox/stick.new"
        fail "the bundles cannot be copied: it was pulled, or it is damaged"
    fi
    hand_over
    waited=0
    until answered; do
        if [ $waited -ge "$ANSWER_S" ]; then
            # Not to be taken later, when nobody expects it.
            rm -rf "$inbox/stick" "$inbox/stick.taken"
            echo "stick: the service does not answer"
            printf '%s\r\n' "NO ANSWER: the service of this car does not run. Nothing was changed." \
                "What to do: connect a computer and run: systemctl status patrol-unit" > "$3/RESULT-no-answer.txt"
            return
        fi
        sleep 1
        waited=$((waited + 1))
    done
    waited=0
    while grep -q ', on trial for ' "$answer" && [ $waited -lt "$TRIAL_S" ]; do
        sleep 1
        waited=$((waited + 1))
    done
    cp -- "$answer" "$3/"
}

tell() {
    stick=$1
    for answer in "$2"/RESULT-*.txt; do
        [ -f "$answer" ] || continue
        name=${answer##*/}
        new=.$name.new
        # What has its name may be a link: it is removed, never written through. An older result must not stay if the new
        # one cannot be written.
        rm -rf -- "${stick:?}/$name" "${stick:?}/$new" "${stick:?}/RESULT-no-answer.txt"
        (set -C && cat -- "$answer" > "$stick/$new") && mv -T -- "$stick/$new" "$stick/$name" && sync -f "$stick" || {
            rm -f -- "$stick/$new"
            fail "the result cannot be written: the stick is full, locked or gone"
        }
        head -n 1 -- "$answer"
    done
}

case ${1:-}/$# in
take/4) take "$2" "$3" "$4" ;;
tell/3) tell "$2" "$3" ;;
*) sed -n '5,6s/^#   /usage: /p' "$0" >&2 && exit 64 ;;
esac
