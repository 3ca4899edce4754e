import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import * as z from "zod";
import { SourceError } from "../../domain/bytes.ts";
import { reasonOf } from "../../runtime/log.ts";
import { withSystemPath } from "../../runtime/system-path.ts";

/** A file's text without blanks around it; undefined if it cannot be read. */
export const fileText = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return undefined;
  }
};

/** One attribute of a network interface from sysfs; undefined if there is no such interface. */
export const fact = (name: string, what: string): string | undefined =>
  fileText(`/sys/class/net/${name}/${what}`);

/** The part of `ip -json` that is used. Some versions print empty objects for the interfaces not asked for. */
const Links = z.array(
  z.object({
    link_type: z.string().optional(),
    linkinfo: z
      .object({
        info_kind: z.string().optional(),
        info_data: z.object({ ctrlmode: z.array(z.string()).optional() }).optional(),
      })
      .optional(),
  }),
);

/**
 * Whether an interface can disturb the bus. `virtual`: it has no wire. `active`: the controller
 * acknowledges frames, and at a wrong bit rate it sends error frames. `not-stated`: the driver has no
 * mode, as slcan before Linux 6.0.
 */
export type BusMode = "listen-only" | "virtual" | "active" | "not-stated" | "no-can";

const VIRTUAL: ReadonlySet<string> = new Set(["vcan", "vxcan"]);

/** Reads the mode from what `ip -details -json link show INTERFACE` prints. Throws if that is something else. */
export const busModeOf = (json: string): BusMode => {
  const link = Links.parse(JSON.parse(json)).find((one) => one.link_type !== undefined);
  if (!link) throw new Error("ip describes no interface");
  if (link.link_type !== "can") return "no-can";
  const kind = link.linkinfo?.info_kind;
  if (kind === undefined) return "not-stated";
  if (VIRTUAL.has(kind)) return "virtual";
  return link.linkinfo?.info_data?.ctrlmode?.includes("LISTEN-ONLY") === true ? "listen-only" : "active";
};

/**
 * Why a mode is refused. Undefined: the interface only listens, or it does not report its mode and the
 * configuration declares that it only listens. An `active` interface is refused whatever is declared.
 */
export const refusalOf = (name: string, mode: BusMode, declared: boolean): SourceError | undefined => {
  switch (mode) {
    case "listen-only":
    case "virtual":
      return undefined;
    case "no-can":
      return new SourceError("failed", `${name} is not a CAN interface`);
    case "active":
    case "not-stated": {
      if (declared && mode === "not-stated") return undefined;
      const what =
        mode === "active" ? "is not in listen-only mode" : "does not report whether it only listens";
      const set = `ip link set ${name} down && ip link set ${name} type can listen-only on && ip link set ${name} up`;
      return new SourceError(
        "not-listen-only",
        `${name} ${what}, so it may disturb the car's bus: ${set}; an slcan adapter opened in listen-only mode needs can.listenOnly: declared`,
      );
    }
  }
};

const IP_TIMEOUT_MS = 5_000;

/**
 * The mode of an interface. sysfs does not have it, so `ip` of iproute2 is run, for some milliseconds.
 * Rejects with SourceError if it cannot be read.
 */
export const readBusMode = async (name: string, env: NodeJS.ProcessEnv): Promise<BusMode> => {
  try {
    const { stdout } = await promisify(execFile)("ip", ["-details", "-json", "link", "show", name], {
      env: withSystemPath(env),
      timeout: IP_TIMEOUT_MS,
    });
    return busModeOf(stdout);
  } catch (cause) {
    throw new SourceError(
      "failed",
      `whether ${name} only listens cannot be read (is iproute2 installed?): ${reasonOf(cause).trim()}`,
      cause,
    );
  }
};

/** Why the interface cannot be read now, from sysfs. Undefined: it can. */
export const linkTrouble = (name: string): SourceError | undefined => {
  if (fact(name, "ifindex") === undefined)
    return new SourceError("absent", `${name} is not there: is the adapter plugged in, and set up?`);
  return fact(name, "operstate") === "down"
    ? new SourceError("down", `${name} is down: ip link set ${name} up`)
    : undefined;
};
