#!/bin/sh
# A user-mode Linux with a real service manager: the host's files under an overlay of its own, systemd as the first
# process, and the program that it was given as a service of Type=notify.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /mnt
PATH=/usr/sbin:/usr/bin:/sbin:/bin
modules=$(echo /usr/lib/uml/modules/*/kernel)
busybox insmod "$modules/fs/overlayfs/overlay.ko" || echo "GUEST no overlay"
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || echo "GUEST no overlay mount"
units=/mnt/root/etc/systemd/system
mkdir -p $units
rm -f /mnt/root/etc/machine-id
echo 0123456789abcdef0123456789abcdef > /mnt/root/etc/machine-id
cat > $units/patrol-test.service <<U
[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target
FailureAction=poweroff
[Service]
Type=notify
NotifyAccess=main
WatchdogSec=${GUEST_WATCHDOG_S:-0}
WorkingDirectory=$PATROL_UNIT
Environment=PATH=$PATROL_UNIT/node_modules/.bin:/usr/bin:/bin
Environment=GUEST_LIFE_S=$GUEST_LIFE_S
ExecStart=$PATROL_UNIT/node_modules/.bin/node $GUEST_PROGRAM
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
TimeoutStopSec=6
U
cat > $units/patrol-test.target <<U
[Unit]
DefaultDependencies=no
Requires=patrol-test.service
After=patrol-test.service
AllowIsolate=yes
U
echo "GUEST booting"
exec chroot /mnt/root /lib/systemd/systemd --unit=patrol-test.target --log-level=warning --log-target=console
