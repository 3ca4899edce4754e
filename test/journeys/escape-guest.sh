#!/bin/sh
# A user-mode Linux with a real service manager, which runs the program that it was given twice as a user without
# privileges: in a service without hardening, and in one with that of patrol-unit.service.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /mnt
PATH=/usr/sbin:/usr/bin:/sbin:/bin
busybox insmod "$(echo /usr/lib/uml/modules/*/kernel)/fs/overlayfs/overlay.ko" || echo "GUEST no overlay"
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || echo "GUEST no overlay mount"
at=/mnt/root
units=$at/etc/systemd/system
mkdir -p $units
echo 0123456789abcdef0123456789abcdef > $at/etc/machine-id
grep -q '^patrol-unit:' $at/etc/passwd || echo 'patrol-unit:x:988:988::/:/usr/sbin/nologin' >> $at/etc/passwd
grep -q '^patrol-unit:' $at/etc/group || echo 'patrol-unit:x:988:' >> $at/etc/group
# A folder that everybody may write to: only the service manager can forbid it.
mkdir -m 1777 $at/open
# The hardened service sees neither /tmp nor /home, where the checkout may be.
mkdir $at/checkout
mount --bind "$PATROL_UNIT" $at/checkout
for name in loose tight; do
    cat > $units/$name.service <<U
[Unit]
DefaultDependencies=no
[Service]
Type=oneshot
# As root: a device that everybody may open (/dev/net/tun's numbers).
ExecStartPre=+/bin/sh -c '[ -e /dev/loose ] || mknod -m 666 /dev/loose c 10 200'
ExecStart=/checkout/node_modules/.bin/node $GUEST_PROGRAM $name
WorkingDirectory=/checkout
# Not the console: the hardened one may not open it.
StandardOutput=append:/told
StandardError=append:/told
User=patrol-unit
U
done
# What a compromised unit may do, as it is written there.
mkdir $units/tight.service.d
printf '[Unit]\nAfter=loose.service\n' > $units/tight.service.d/order.conf
sed -n '/^NoNewPrivileges=/,/^SystemCallErrorNumber=/p' "$PATROL_UNIT/systemd/patrol-unit.service" >> $units/tight.service
cat > $units/escape.service <<U
[Unit]
DefaultDependencies=no
Requires=loose.service
After=loose.service tight.service
Wants=tight.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/cat /told
StandardOutput=tty
TTYPath=/dev/console
U
cat > $units/escape.target <<U
[Unit]
DefaultDependencies=no
Wants=escape.service
AllowIsolate=yes
U
echo "GUEST booting"
cd $at || exit 1
# PrivateUsers= needs the root of the mount namespace to be the root of the process.
mount --move . /
exec chroot . /lib/systemd/systemd --unit=escape.target --log-level=warning --log-target=console
