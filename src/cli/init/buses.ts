import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { promisify } from "node:util";
import * as z from "zod";
import { withSystemPath } from "../../runtime/system-path.ts";
import { busModeOf, fact, type BusMode } from "../../sources/can/interface.ts";

/** The CAN interfaces of this machine. */

/** ARPHRD_CAN of the kernel's if_arp.h. */
const CAN_TYPE = "280";
const IP_TIMEOUT_MS = 5_000;

export type CanBus = {
  readonly name: string;
  /** Undefined: it cannot be read. */
  readonly mode: BusMode | undefined;
  readonly bitrate: number | undefined;
  readonly up: boolean;
};

const Bitrates = z.array(
  z.object({
    linkinfo: z
      .object({ info_data: z.object({ bittiming: z.object({ bitrate: z.number() }).optional() }).optional() })
      .optional(),
  }),
);

/** The bit rate in what `ip -details -json link show INTERFACE` prints, bit/s; undefined: it has none. */
export const bitrateOf = (json: string): number | undefined =>
  Bitrates.parse(JSON.parse(json)).find(({ linkinfo }) => linkinfo?.info_data?.bittiming)?.linkinfo?.info_data
    ?.bittiming?.bitrate;

const readBus = async (name: string): Promise<CanBus> => {
  const up = fact(name, "operstate") !== "down";
  try {
    const { stdout } = await promisify(execFile)("ip", ["-details", "-json", "link", "show", name], {
      env: withSystemPath(process.env),
      timeout: IP_TIMEOUT_MS,
    });
    return { name, mode: busModeOf(stdout), bitrate: bitrateOf(stdout), up };
  } catch {
    return { name, mode: undefined, bitrate: undefined, up };
  }
};

export const canBuses = (): Promise<CanBus[]> => {
  const names = readdirSync("/sys/class/net").filter((name) => fact(name, "type") === CAN_TYPE);
  return Promise.all(names.toSorted().map(readBus));
};

/** A bus in one line, for a technician. */
export const busText = ({ name, mode, bitrate, up }: CanBus): string =>
  [
    `${name}: ${up ? "up" : "down"}`,
    mode === "active" ? "NOT in listen-only mode" : (mode ?? "its mode cannot be read"),
    ...(bitrate === undefined ? [] : [`${bitrate} bit/s`]),
  ].join(", ");
