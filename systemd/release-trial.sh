#!/bin/sh
# The trial of a release of the software. It runs as root. It comes with apt, not with a release: a release that cannot start
# cannot prevent the way back.
#
#   release-trial.sh start DIR         counts a start of the service; the one after STARTS goes back
#   release-trial.sh ended DIR         after an end of the service that is not started again: goes back, and starts it
#   release-trial.sh decide DIR FILE   does what the service says in FILE: `good V`, `back V WHY`, or `told V`
#   release-trial.sh back DIR          goes back by hand
#
# DIR holds the versions, and
#   current, previous   links to the version in force and the one before it
#   packaged            link to the version that the package manager knows
#   trial               `VERSION PREVIOUS STARTS`: it is tried, and dispatch was not reached yet
#   failed              `VERSION PREVIOUS WHY`: VERSION was taken back; this is still to be reported to dispatch
#   taken-back          the versions that were taken back, one in a line, 16 at most
# A power cut at any moment leaves each of them old or new, and a step that was left half-way is done again.
set -euf
LC_ALL=C
export LC_ALL
# The service, which reads these files, runs as another user, and its unit sets UMask=0077.
umask 022

SYSTEMCTL=${RELEASE_SYSTEMCTL:-systemctl}
STARTS=5 # a car that is out of coverage for a day is started a few times

fail() {
    echo "release-trial: $1"
    exit 1
}

named() { readlink "$dir/$1" 2> /dev/null || :; }

# Whether the version in force is on trial: sets version, previous and starts.
on_trial() {
    [ -f "$dir/trial" ] || return 1
    read -r version previous starts rest < "$dir/trial" || return 1
    case $starts in '' | *[!0-9]* | ????*) starts=$STARTS ;; esac
    [ -n "$version" ] && [ "$(named current)" = "$version" ] && [ -x "$dir/$previous/bin/node" ]
}

put() { # FILE LINE
    printf '%s\n' "$2" > "$dir/$1.new"
    sync "$dir/$1.new"
    mv -fT "$dir/$1.new" "$dir/$1"
    sync "$dir"
}

point() { # LINK VERSION
    rm -rf "$dir/$1.new"
    ln -s "$2" "$dir/$1.new"
    mv -fT "$dir/$1.new" "$dir/$1"
    sync "$dir"
}

end_trial() {
    rm -f "$dir/trial"
    sync "$dir"
}

# The newest versions that were taken back, oldest first: nothing but a hand installs one of them again.
remember() { # VERSION
    { tail -n 15 "$dir/taken-back" 2> /dev/null | grep -vxF "$1" || :; printf '%s\n' "$1"; } > "$dir/taken-back.new"
    sync "$dir/taken-back.new"
    mv -fT "$dir/taken-back.new" "$dir/taken-back"
}

go_back() { # WHY
    # A full disk must not keep it from going back.
    remember "$version" || :
    put failed "$version $previous $1" || :
    point current "$previous"
    end_trial
    echo "release-trial: version $version goes back to $previous: $1"
}

start() {
    # One that is not of the version in force is of a switch that the power cut, or that goes on.
    if ! on_trial; then
        return 0
    elif [ "$starts" -ge $STARTS ]; then
        go_back "the service was started $STARTS times with it, and dispatch was not reached"
    else
        put trial "$version $previous $((starts + 1))" || go_back "its starts cannot be counted"
    fi
}

# EXIT_STATUS is set by systemd. These are not started again (RestartPreventExitStatus=).
ended() {
    case ${EXIT_STATUS:-} in 64 | 78) ;; *) return 0 ;; esac
    on_trial || return 0
    go_back "the service ended with $EXIT_STATUS"
    "$SYSTEMCTL" --no-block restart patrol-unit.service
}

# All versions but the one in force, the one before it, and the one that the package manager knows.
prune() {
    set +f
    for folder in "$dir"/[0-9]*.[0-9]*.[0-9]*/; do
        name=$(basename "$folder")
        case $name in "$(named current)" | "$(named previous)" | "$(named packaged)") continue ;; esac
        # The package manager may be unpacking a newer one.
        newest=$(printf '%s\n' "$name" "$(named current)" | sort -V | tail -n 1)
        if [ "$newest" = "$name" ] && ! grep -qxF "$name" "$dir/taken-back" 2> /dev/null; then continue; fi
        [ ! -d "$folder" ] || [ -L "$dir/$name" ] || rm -rf "${dir:?}/$name"
    done
    set -f
}

# The service may be compromised. So only one short line of plain characters is read. It must name the version on trial
# (`good`, `back`) or the one taken back (`told`).
decide() {
    [ -f "$1" ] && [ ! -L "$1" ] || fail "$1 is no file"
    line=$(head -c 200 -- "$1" | head -n 1 | tr -cd 'A-Za-z0-9 .,;:_-')
    # shellcheck disable=SC2086 -- split into words
    set -- $line
    [ $# -ge 2 ] || fail "it says neither good, back nor told"
    what=$1 of=$2
    shift 2
    case $what in
    good)
        on_trial && [ "$of" = "$version" ] || fail "version $of is not on trial"
        end_trial
        # An older report that this version was taken back is dropped.
        if [ -f "$dir/failed" ] && read -r told rest < "$dir/failed" && [ "$told" = "$version" ]; then rm -f "$dir/failed"; fi
        prune
        echo "release-trial: version $version counts"
        ;;
    back)
        on_trial && [ "$of" = "$version" ] || fail "version $of is not on trial"
        go_back "$*"
        ;;
    told)
        read -r version rest < "$dir/failed" && [ "$of" = "$version" ] || fail "version $of was not taken back"
        rm -f "$dir/failed"
        ;;
    *) fail "it says neither good, back nor told" ;;
    esac
}

back() {
    version=$(named current) previous=$(named previous)
    [ -n "$previous" ] && [ "$previous" != "$version" ] && [ -x "$dir/$previous/bin/node" ] ||
        fail "there is no previous version to go back to"
    go_back "it was taken back by hand"
}

dir=${2:-}
case ${1:-}/$# in
start/2) start ;;
ended/2) ended ;;
decide/3) decide "$3" ;;
back/2) back ;;
*) sed -n '5,8s/^#   /usage: /p' "$0" >&2 && exit 64 ;;
esac
