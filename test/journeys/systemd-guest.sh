#!/bin/sh
# A user-mode Linux with a real service manager: the host's files under an overlay of its own, systemd as the first
# process with D-Bus, logind and polkit, and the program that it was given as a service of Type=notify, of a user
# without privileges. The units of the host's D-Bus and logind would pull in all of a machine's start: ours replace them.
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
cat > $units/dbus.socket <<U
[Unit]
DefaultDependencies=no
[Socket]
ListenStream=/run/dbus/system_bus_socket
U
cat > $units/dbus.service <<U
[Unit]
DefaultDependencies=no
Requires=dbus.socket
[Service]
ExecStart=/usr/bin/dbus-daemon --system --address=systemd: --nofork --nopidfile --systemd-activation
U
cat > $units/systemd-logind.service <<U
[Unit]
DefaultDependencies=no
Requires=dbus.socket
After=dbus.socket
[Service]
Type=notify
BusName=org.freedesktop.login1
ExecStart=/lib/systemd/systemd-logind
U
ln -s systemd-logind.service $units/dbus-org.freedesktop.login1.service
cat > $units/polkit.service <<U
[Unit]
DefaultDependencies=no
After=dbus.socket
[Service]
Type=dbus
BusName=org.freedesktop.PolicyKit1
ExecStart=/usr/lib/polkit-1/polkitd --no-debug
U
cp "$PATROL_UNIT/systemd/50-patrol-unit.rules" /mnt/root/etc/polkit-1/rules.d/
grep -q '^patrol-unit:' /mnt/root/etc/passwd || echo 'patrol-unit:x:988:988::/:/usr/sbin/nologin' >> /mnt/root/etc/passwd
grep -q '^patrol-unit:' /mnt/root/etc/group || echo 'patrol-unit:x:988:' >> /mnt/root/etc/group
cat > $units/patrol-test.service <<U
[Unit]
DefaultDependencies=no
Wants=systemd-logind.service
After=systemd-logind.service
Conflicts=shutdown.target
Before=shutdown.target
FailureAction=poweroff
[Service]
Type=notify
NotifyAccess=main
WatchdogSec=${GUEST_WATCHDOG_S:-0}
User=patrol-unit
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
# A minute is a long time to wait for: once the program has made this file, the clock is put forward.
mkdir -m 1777 /mnt/root/hurry
(
    while ! [ -e /mnt/root/hurry/now ]; do sleep 0.5; done
    date -s "@$(($(date +%s) + 55))" > /dev/null
) &
echo "GUEST booting"
exec chroot /mnt/root /lib/systemd/systemd --unit=patrol-test.target --log-level=warning --log-target=console
