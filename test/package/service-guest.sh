#!/bin/sh
# A user-mode Linux whose root is a Debian 12 with the car's package installed, under an overlay of its own: its own systemd is the
# first process. The clock is three weeks slow. The host's files are below /host: they have the broker and the CAN modules.
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs -o size=500m tmp /mnt
PATH=/usr/sbin:/usr/bin:/sbin:/bin
modules=$(echo /usr/lib/uml/modules/*/kernel)
for module in fs/overlayfs/overlay net/can/can net/can/can-raw drivers/net/can/dev/can-dev drivers/net/can/vcan; do
    busybox insmod "$modules/$module.ko" || echo "GUEST no module $module"
done
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$GUEST_ROOT,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root || echo "GUEST no overlay mount"
at=/mnt/root
mkdir -p $at/host $at/root
mount --rbind / $at/host
cp "$GUEST_DRIVE" $at/drive
units=$at/etc/systemd/system
# The watchdog bites sooner, so that the test ends sooner.
mkdir -p $units/patrol-unit.service.d
printf '[Service]\nWatchdogSec=6\n' > $units/patrol-unit.service.d/test.conf
cat > $units/test-broker.service <<U
[Service]
ExecStart=/usr/sbin/chroot /host /usr/sbin/mosquitto -c $GUEST_BROKER
U
cat > $units/test-drive.service <<U
[Unit]
Wants=test-broker.service
[Service]
ExecStart=/bin/sh /drive
Environment=HOST_ROOT=$GUEST_ROOT HOST_DRIVE=$(dirname "$GUEST_DRIVE") HOST_NODE=$GUEST_NODE
StandardOutput=tty
StandardError=tty
TTYPath=/dev/console
FailureAction=poweroff-force
SuccessAction=poweroff-force
U
mkdir -p $units/multi-user.target.wants
ln -s ../test-drive.service $units/multi-user.target.wants/
rm -f $units/getty.target.wants/* 
ln -sf /dev/null $units/serial-getty@.service
ln -sf /dev/null $units/console-getty.service
ip link add dev vcan0 type vcan && ip link set vcan0 up
date -s "@$(($(date +%s) - 21 * 86400))" > /dev/null
echo "GUEST booting"
cd $at || exit 1
# PrivateUsers= needs the root of the mount namespace to be the root of the process.
mount --move . /
exec chroot . /lib/systemd/systemd --log-level=warning --log-target=console
