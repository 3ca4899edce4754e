import type { FaultRow } from "./row.ts";

/** Faults of the devices in the car: the receiver, the bus, the power. */

const NO_POSITION =
  "No `position` reports. `health.gps.fault` has the code. Emergencies carry the last known place.";

export const GPS = {
  absent: {
    sentence: "The receiver's device is not there.",
    lamp: "unchanged",
    dispatch: NO_POSITION,
    cause: "The receiver is unplugged or has no power, or `gps.port` names another device.",
    remedy:
      "Check the plug. Compare `ls -l /dev/serial/by-id/` with `gps.port`. For `tcp://`: is the server running?",
  },
  denied: {
    sentence: "The service may not open the receiver's device.",
    lamp: "unchanged",
    dispatch: NO_POSITION,
    cause: "The service's user is not in the group that owns the device.",
    remedy:
      "The supplied service file already adds the service to group dialout. If you run by hand: `usermod -aG dialout USER`, then log in again.",
  },
  unplugged: {
    sentence: "The receiver was lost while it was in use.",
    lamp: "unchanged",
    dispatch: NO_POSITION,
    cause: "The plug came loose, the receiver lost power, or the TCP connection was closed.",
    remedy: "Check plug and cable. The unit opens the device again by itself.",
  },
  silent: {
    sentence: "The receiver sends nothing.",
    lamp: "unchanged",
    dispatch: NO_POSITION,
    cause: "The receiver hangs or has no power, or another device is on this port.",
    remedy: "Unplug the receiver and plug it in again. Check `gps.port`.",
  },
  "no-nmea": {
    sentence: "Bytes arrive from the receiver, but no valid NMEA sentence.",
    lamp: "unchanged",
    dispatch: NO_POSITION,
    cause: "`gps.baud` is wrong, the receiver speaks a binary protocol, or another device is on this port.",
    remedy:
      "Set `gps.baud` to the receiver's speed (often 4800, 9600, 38400 or 115200). Switch it to NMEA 0183.",
  },
  failed: {
    sentence: "The receiver's device cannot be read.",
    lamp: "unchanged",
    dispatch: NO_POSITION,
    cause: "Another program uses the device, it is not a serial port, or the driver reports an error.",
    remedy:
      "Read the event's `detail`. Stop the other program (`fuser -v DEVICE` names it), or correct `gps.port`.",
  },
  rollover: {
    sentence:
      "The receiver's dates are 1,024 weeks, or a multiple of that, in the past. The unit corrects them.",
    lamp: "unchanged",
    dispatch: "Nothing else: times and positions are right.",
    cause: "The receiver's firmware is too old for the present GPS week count.",
    remedy: "Nothing now. Replace the receiver or its firmware at the next service.",
    once: true,
  },
} as const satisfies Record<string, FaultRow>;

const NO_SIGNALS =
  "No `vehicle` reports. `health.can.state` has the code. The ignition is unknown, so nothing is switched off.";

export const CAN = {
  absent: {
    sentence: "The CAN interface is not there.",
    lamp: "unchanged",
    dispatch: NO_SIGNALS,
    cause: "The adapter is unplugged or its driver is missing, or `can.interface` has another name.",
    remedy: "Check the plug. Compare `ip link show type can` with `can.interface`.",
  },
  down: {
    sentence: "The CAN interface is down.",
    lamp: "unchanged",
    dispatch: NO_SIGNALS,
    cause: "The interface was not set up after the adapter was plugged in or the computer started.",
    remedy:
      "Copy `/usr/share/doc/patrol-unit/examples/25-can0.network` to `/etc/systemd/network/` and run `networkctl reload`, or `ip link set can0 up type can bitrate 500000 listen-only on`.",
  },
  unplugged: {
    sentence: "The CAN interface was lost while it was in use.",
    lamp: "unchanged",
    dispatch: NO_SIGNALS,
    cause: "The adapter was unplugged or reset.",
    remedy: "Check plug and cable. The unit opens the interface again by itself.",
  },
  "bus-off": {
    sentence: "The CAN controller has left the bus because of errors.",
    lamp: "unchanged",
    dispatch: NO_SIGNALS,
    cause: "The bit rate is wrong, or the bus wires are shorted or swapped.",
    remedy:
      "Compare the bit rate in `/etc/systemd/network/25-can0.network` with the vehicle's. Check the wires.",
  },
  "not-listen-only": {
    sentence:
      "The CAN interface is not in listen-only mode, or cannot report its mode. The unit refuses to use it.",
    lamp: "unchanged",
    dispatch: NO_SIGNALS,
    cause:
      "The interface was set up without `listen-only on`, or it is an slcan adapter (one that is driven through a serial port), which cannot report its mode.",
    remedy:
      "Copy `/usr/share/doc/patrol-unit/examples/25-can0.network` to `/etc/systemd/network/` and run `networkctl reload`. For an slcan adapter that was opened in listen-only mode (`slcand -l`): `can.listenOnly: declared`.",
  },
  failed: {
    sentence: "The CAN interface cannot be used.",
    lamp: "unchanged",
    dispatch: NO_SIGNALS,
    cause:
      "The library koffi is missing (or socketcan, if `can.driver` names it), iproute2 is missing, or the interface is not a CAN interface.",
    remedy:
      "The event's `detail` says which. koffi: install the package again. `ip`: `apt install iproute2`.",
  },
  "not-configured": {
    sentence: "A bus is configured, but the unit does not listen to it.",
    lamp: "unchanged",
    dispatch: "No `vehicle` reports.",
    cause: "The database or the signal map cannot be used. Another fault of `can` says why.",
    remedy: "Run `check`, correct what it reports, and restart the service.",
  },
} as const satisfies Record<string, FaultRow>;

const RULES =
  "Install `polkitd`. Without the package, copy `systemd/50-patrol-unit.rules` to `/etc/polkit-1/rules.d/`";

export const POWER = {
  "not-scheduled": {
    sentence: "The computer cannot be switched off after the ignition is off.",
    lamp: "unchanged",
    dispatch: "The unit stays online although the ignition is off. The car's battery drains.",
    cause:
      "The service's user may not ask logind (the part of systemd that switches the computer off) for a power-off.",
    remedy: `${RULES}.`,
  },
  "not-cancelled": {
    sentence: "A scheduled power-off cannot be cancelled. The computer may switch off while it is needed.",
    lamp: "unchanged",
    dispatch: "The unit may go offline within a minute and a half. A stored press goes out at the next boot.",
    cause: "The service's user may not ask logind to cancel a power-off, or logind does not answer.",
    remedy: `Run \`sudo shutdown -c\` at once. ${RULES}.`,
  },
} as const satisfies Record<string, FaultRow>;
