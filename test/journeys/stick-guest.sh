#!/bin/sh
# A user-mode Linux with a real udev and service manager, and a disk with a FAT file system that udev takes for a USB
# stick: 80-patrol-unit-stick.rules, patrol-unit-stick@.service and stick.sh beside the real service.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmp /mnt
PATH=/usr/sbin:/usr/bin:/sbin:/bin
modules=$(echo /usr/lib/uml/modules/*/kernel)
for module in fs/overlayfs/overlay fs/fat/fat fs/fat/vfat fs/nls/nls_cp437 fs/nls/nls_iso8859-1 fs/nls/nls_ascii fs/nls/nls_utf8; do
    busybox insmod "$modules/$module.ko" 2> /dev/null || true # some are in the kernel
done
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root || echo "GUEST no overlay mount"
at=/mnt/root
units=$at/etc/systemd/system
# What a whole machine starts, and what the host may have installed.
rm -rf $at/lib/systemd/system/*.target.wants $units
mkdir -p $units $at/etc/udev/rules.d $at/opt/patrol-unit/current $at/var/lib/patrol-unit
echo 0123456789abcdef0123456789abcdef > $at/etc/machine-id
cp "$PATROL_UNIT/systemd/patrol-unit-stick@.service" $units/
cp "$PATROL_UNIT/systemd/80-patrol-unit-stick.rules" $at/etc/udev/rules.d/
cp "$PATROL_UNIT/systemd/stick.sh" $at/opt/patrol-unit/current/
echo 'KERNEL=="ubda", ENV{ID_BUS}="usb"' > $at/etc/udev/rules.d/10-test.rules
grep -q '^patrol-unit:' $at/etc/passwd || echo 'patrol-unit:x:988:988::/:/usr/sbin/nologin' >> $at/etc/passwd
grep -q '^patrol-unit:' $at/etc/group || echo 'patrol-unit:x:988:' >> $at/etc/group
cp -r "$GUEST_ROOT" $at/var/lib/patrol-unit/root
chown -R 988:988 $at/var/lib/patrol-unit
cp -r "$GUEST_STICK" $at/stick-files
mkdir $units/patrol-unit-stick@.service.d
printf '[Service]\nStandardOutput=tty\nStandardError=tty\nTTYPath=/dev/console\nEnvironment=STICK_TRIAL_S=2\n' > $units/patrol-unit-stick@.service.d/console.conf
cat > $units/patrol-unit.service <<U
[Unit]
DefaultDependencies=no
[Service]
Type=notify
User=patrol-unit
WorkingDirectory=$PATROL_UNIT
Environment=PATH=$PATROL_UNIT/node_modules/.bin:/usr/bin:/bin
ExecStart=$PATROL_UNIT/node_modules/.bin/node src/main.ts run --root /var/lib/patrol-unit/root
StandardOutput=null
U
cat > $units/patrol-test.service <<U
[Unit]
DefaultDependencies=no
Wants=patrol-unit.service systemd-udevd.service
After=patrol-unit.service systemd-udevd.service
SuccessAction=poweroff-force
FailureAction=poweroff-force
[Service]
Type=oneshot
ExecStart=/bin/sh /drive
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
U
# What a technician does, and what is seen.
cat > $at/drive <<'U'
tell() { printf '\nGUEST {"what":"%s","value":"%s"}\n' "$1" "$(base64 -w 0)"; }
busybox mkdosfs /dev/ubda > /dev/null 2>&1
mkdir /looked
mount -t vfat /dev/ubda /looked && cp /stick-files/* /looked/ && umount /looked || echo "GUEST no vfat"
(while sleep 0.2; do grep /dev/ubda /proc/mounts; done | sed -u 's/,fmask.*//' > /mounts) &
udevadm trigger --action=add /dev/ubda
job=patrol-unit-stick@ubda.service
until [ "$(systemctl show -P ActiveState $job)" = activating ]; do sleep 0.2; done
while [ "$(systemctl show -P ActiveState $job)" = activating ]; do sleep 0.2; done
systemctl show -P Result $job | tell ended
grep -c /dev/ubda /proc/mounts | tell mounted
uniq /mounts | tell mounts
mount -t vfat -o ro /dev/ubda /looked
ls /looked | tell files
cat /looked/RESULT-zr-117.txt | tell result
umount /looked
readlink /var/lib/patrol-unit/root/current | tell current
n=0
while [ -e /run/patrol-unit-stick/ubda ] && [ $n -lt 25 ]; do sleep 0.2; n=$((n + 1)); done
ls /run/patrol-unit-stick 2> /dev/null | tell left
# The same stick again, pulled as soon as it is mounted.
udevadm trigger --action=add /dev/ubda
until grep -q /dev/ubda /proc/mounts; do sleep 0.05; done
udevadm trigger --action=remove /dev/ubda
while [ "$(systemctl show -P ActiveState $job)" = activating ]; do sleep 0.2; done
while [ "$(systemctl show -P ActiveState $job)" = deactivating ]; do sleep 0.2; done
systemctl show -P ActiveState $job | tell pulled
grep -c /dev/ubda /proc/mounts | tell stillmounted
U
cat > $units/patrol-test.target <<U
[Unit]
DefaultDependencies=no
Requires=patrol-test.service
After=patrol-test.service
AllowIsolate=yes
U
echo "GUEST booting"
exec chroot $at /lib/systemd/systemd --unit=patrol-test.target --log-level=warning --log-target=console
