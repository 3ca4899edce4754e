# Inside the guest: what is seen of the installed service.
tell() { printf '\nGUEST {"what":"%s","value":"%s"}\n' "$1" "$(base64 -w 0)"; }
root=/var/lib/patrol-unit/root
until_true() { # seconds, command
    n=0
    limit=$1
    shift
    until "$@" > /dev/null 2>&1; do
        n=$((n + 1))
        [ $n -lt $((limit * 2)) ] || return 1
        sleep 0.5
    done
}
links() { journalctl --no-pager -o cat -u patrol-unit.service | grep -c "connected to dispatch"; }
linked() { [ "$(links)" -ge "$1" ]; }

# The van's speed: the host has the tools for CAN.
(while sleep 0.2; do chroot /host /usr/bin/cansend vcan0 18FEF100#FF0010FFFFFFFFFF; done) &
until_true 60 systemctl is-active patrol-unit.service
systemctl show -P ActiveState patrol-unit.service | tell active
systemctl show -P StatusText -P ActiveEnterTimestampMonotonic patrol-unit.service | tell armed
systemd-analyze security --no-pager patrol-unit.service 2>&1 | tail -n 1 | tell exposure
date +%s | tell before
echo | tell receiver
until_true 60 grep -q . /run/patrol-unit/gnss-time
cut -d ' ' -f 2 /run/patrol-unit/gnss-time | tell fixed
until_true 60 linked 1
cut -d ' ' -f 1 /proc/uptime | tell linked
date +%s | tell after
journalctl --no-pager -o cat -u patrol-unit-clock.service | tell clock
patrol-unit status --root $root --json | tell status
patrol-unit doctor --root $root | tell doctor
main=$(systemctl show -P MainPID patrol-unit.service)
grep -E '^(CapEff|NoNewPrivs|Seccomp|Uid):' "/proc/$main/status" | tr '\t' ' ' | tell rights
cat "/proc/$main/oom_score_adj" | tell oom
grep -o '[a-z-]*\.node$' "/proc/$main/maps" | sort -u | tell addons
systemctl show -P MemoryMax -P TasksMax patrol-unit.service | tell limits
kill -STOP "$main"
until_true 60 sh -c "[ \"\$(systemctl show -P MainPID patrol-unit.service)\" != $main ] && systemctl is-active patrol-unit.service"
systemctl show -P NRestarts patrol-unit.service | tell restarts
until_true 60 linked 2 && echo yes | tell relinked
journalctl --no-pager -o cat -u patrol-unit.service -n 200 | grep -i "watchdog\|error\|EPERM\|notify" | head -n 20 | tell trouble
versions=/opt/patrol-unit
in_force() { [ "$(readlink $versions/current)" = "$1" ] && [ ! -e $versions/trial ] && systemctl is-active patrol-unit.service; }
runs() { readlink "/proc/$(systemctl show -P MainPID patrol-unit.service)/exe"; }
patrol-unit flash release /packages/9.9.8.release --root $root 2>&1 | tell released
until_true 60 in_force 9.9.8 && echo yes | tell counts
runs | tell runs
echo $versions/* | tell versions
patrol-unit flash release /packages/9.9.9.release --root $root 2>&1 | tell broken
until_true 90 in_force 9.9.8 && echo yes | tell back
runs | tell runs-again
until_true 60 test ! -e $versions/failed && echo yes | tell told
journalctl --no-pager -o cat | grep release-trial | tell ended
# The host has the client for MQTT.
chroot /host "$HOST_NODE" "$HOST_DRIVE/release-server.ts" "$HOST_ROOT" patrol/v1/a/b-1/bundle 9.9.10 &
until_true 150 in_force 9.9.10 && echo yes | tell fetched
runs | tell runs-fetched
cat /run/patrol-unit-install/result | tell installed
ls /var/lib/patrol-unit/root/release | tell tray
journalctl --no-pager -o cat -u patrol-unit.service -u patrol-unit-install.service -n 60 | tell fetching
systemctl stop patrol-unit.service
systemctl show -P Result patrol-unit.service | tell stopped
# The test goes on.
systemctl poweroff --force --force
