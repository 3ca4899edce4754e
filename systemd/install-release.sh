#!/bin/sh
# A release of the software that the service has fetched: installs it, as root, as `flash release` does, which checks
# everything. patrol-unit-install.service runs it. The service may be compromised: nothing in TRAY is believed.
#
#   install-release.sh TRAY ROOT ANSWER   TRAY/ready has the release and its package; the result is ANSWER/result
set -eu
LC_ALL=C
export LC_ALL
umask 022

tray=$1 root=$2 answer=$3
unit=${INSTALL_PATROL_UNIT:-patrol-unit}

rm -f "$answer/result" "$answer/result.new"
installed=yes
"$unit" flash release "$tray/ready/release" --root "$root" --unattended --json > "$answer/result.new" || installed=no
# No line: the command failed. The journal says why. The service tries again later.
if [ -s "$answer/result.new" ]; then mv -fT "$answer/result.new" "$answer/result"; fi
# The service reads the answer when `ready` is gone. The package need not be fetched again for the next try.
if [ $installed = yes ] || ! mv -T "$tray/ready" "$tray/next" 2> /dev/null; then rm -rf "$tray/ready"; fi
