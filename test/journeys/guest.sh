#!/bin/sh
# The first process of a user-mode Linux that has CAN: mounts what a machine needs, runs the program that it was given.
# The host's files are there, read-only; /mnt is the guest's own.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /mnt
export TMPDIR=/mnt
chmod 1777 /mnt
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /dev/pts && mount -t devpts -o mode=620,ptmxmode=666 pts /dev/pts && ln -sf pts/ptmx /dev/ptmx
PATH=/usr/sbin:/usr/bin:/sbin:/bin
modules=$(echo /usr/lib/uml/modules/*/kernel)
for module in net/can/can net/can/can-raw drivers/net/can/dev/can-dev drivers/net/can/vcan; do
    busybox insmod "$modules/$module.ko" || echo "GUEST no module $module"
done
busybox insmod "$modules/fs/ext4/ext4.ko" 2>/dev/null || true
ip link set lo up
cd "$PATROL_UNIT" || echo "GUEST no project folder"
node_modules/.bin/node "$GUEST_PROGRAM" || echo "GUEST failed"
echo o > /proc/sysrq-trigger
sleep 10
