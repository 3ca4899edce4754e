#!/bin/sh
# Installs the Debian packages that the tests run against, where they are missing, and says why.
set -eu

missing=""
need() { # command, package, reason
    command -v "$1" >/dev/null 2>&1 && return
    echo "missing: $2 ($3)"
    missing="$missing $2"
}
PATH="$PATH:/usr/sbin:/sbin"
need mosquitto mosquitto "the broker of the journeys"
need /usr/lib/postgresql/15/bin/postgres postgresql-15 "a store of dispatch's recorder"
need openssl openssl "makes the journeys' TLS certificates"
need nats-server nats-server "three brokers that act as one"
need rabbitmqctl rabbitmq-server "three others that do"
need systemd-analyze systemd "checks the service file"
need udevadm udev "finds the stick in that Linux"
need avr-gcc gcc-avr "rebuilds the panic board's firmware"
need avr-objcopy binutils-avr "rebuilds the panic board's firmware"
need avrdude avrdude "programs the simulated panic board"
need make make "rebuilds the panic board's firmware"
need linux.uml user-mode-linux "boots a Linux that has CAN"
need candump can-utils "speaks on the CAN bus of that Linux"
need strace strace "shows that nothing is written to that bus"
need busybox busybox "loads the modules of that Linux"
need cc gcc "builds what makes a name server and a disk hang, what that Linux needs on a processor with AMX, and the firmware for the fuzzer"
need mkfs.ext4 e2fsprogs "makes the disk whose power is cut"
need ip iproute2 "sets up the bus of that Linux"
need dbus-daemon dbus "lets a user of that Linux ask for a power-off"
need pkaction polkitd "decides whether that user may"
need dpkg-deb dpkg "makes the packages"
need strip binutils "removes from the programs of the packages what does not run"
need x86_64-linux-gnu-g++ g++-x86-64-linux-gnu "compiles the CAN library of the package for amd64"
need aarch64-linux-gnu-g++ g++-aarch64-linux-gnu "compiles the CAN library of the package for arm64"
need qemu-aarch64-static qemu-user-static "runs the package for arm64 on another processor"
need lintian lintian "finds what a Debian package must not have (npm run test:package)"
need debootstrap debootstrap "makes the fresh Debian that the packages are installed in (npm run test:package)"
need groff groff-base "reads the manual page"
need chromium chromium "shows the pages"
need faketime faketime "shows the service a clock in 1970"
[ -e /usr/lib/avr/include/avr/io.h ] || { echo "missing: avr-libc (rebuilds the panic board's firmware)"; missing="$missing avr-libc"; }
[ -e /usr/aarch64-linux-gnu/lib/libstdc++.so.6 ] || {
    echo "missing: libstdc++6-arm64-cross (with those of C that it needs: the libraries of arm64 that the package depends on)"
    missing="$missing libstdc++6-arm64-cross"
}

# The optional library for SocketCAN: npm leaves it out if its own Node is too old for it.
[ -e node_modules/socketcan ] || npm run -s can >/dev/null 2>&1 || echo "socketcan cannot be built: its journeys are skipped"

# The image that an unknown board would run; its licence (LGPL) is not ours, so it is fetched and not kept here.
[ -e node_modules/.standard-firmata/package ] || npm run -s standard-firmata >/dev/null 2>&1 ||
    echo "StandardFirmata cannot be fetched: its test is skipped"

# The Nodes and npms of other machines.
[ -e node_modules/.other-nodes/node_modules/npm11 ] || test/install/fetch.sh >/dev/null 2>&1 ||
    echo "other Nodes and npms cannot be fetched: the installation is not tested"

[ -z "$missing" ] && exit 0

sudo=""
[ "$(id -u)" -eq 0 ] || sudo="sudo"
command -v apt-get >/dev/null 2>&1 || { echo "install by hand:$missing" >&2; exit 1; }
echo "installing:$missing"
$sudo apt-get update -qq
# shellcheck disable=SC2086 # a list of package names
DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
