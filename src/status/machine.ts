import { readFileSync, statfsSync } from "node:fs";
import type { HealthData } from "../domain/report.ts";

/** The machine's part of `health`: figures of the process and the host. */
export type MachineHealth = Pick<
  HealthData,
  "cpuPercent" | "rssMiB" | "writtenMiB" | "diskFreeMiB" | "temperatureC"
>;

const MIB = 1024 * 1024;
const THERMAL = "/sys/class/thermal/thermal_zone0/temp";

const freeMiB = (path: string): number | undefined => {
  try {
    const { bavail, bsize } = statfsSync(path);
    return Math.floor((bavail * bsize) / MIB);
  } catch {
    return undefined; // the outbox reports what is wrong with its disk
  }
};

/**
 * MiB that this process has written to disk since it started, across restarts of the unit within the
 * process.
 */
const writtenMiB = (): number | undefined => {
  try {
    const bytes = /^write_bytes: (\d+)$/m.exec(readFileSync("/proc/self/io", "utf8"))?.[1];
    return bytes === undefined ? undefined : Math.round((Number(bytes) / MIB) * 10) / 10;
  } catch {
    return undefined; // a kernel without task I/O accounting
  }
};

const temperatureC = (): number | undefined => {
  try {
    return Math.round(Number(readFileSync(THERMAL, "utf8")) / 100) / 10;
  } catch {
    return undefined; // a machine without the sensor
  }
};

/** Who reads the machine: each has a CPU figure since its own last reading. */
type MachineReader = "health" | "page";

/** Reads the machine. CPU is the share of one core since the last reading of the same reader. */
export type MachineProbe = (reader: MachineReader) => MachineHealth;

/** Makes a function that reads the machine. `path`: a folder on the disk whose free space counts. */
export const createMachineProbe = (path: string): MachineProbe => {
  const began = { cpu: process.cpuUsage(), at: performance.now() };
  const last = { health: began, page: began };
  const writtenBefore = writtenMiB() ?? 0;
  return (reader) => {
    const { cpu, at } = last[reader];
    const now = performance.now();
    const used = process.cpuUsage(cpu);
    const elapsedMs = now - at;
    last[reader] = { cpu: process.cpuUsage(), at: now };
    const diskFreeMiB = freeMiB(path);
    const written = writtenMiB();
    const celsius = temperatureC();
    return {
      ...(elapsedMs > 0
        ? { cpuPercent: Math.round(((used.user + used.system) / 1000 / elapsedMs) * 1000) / 10 }
        : {}),
      rssMiB: Math.round((process.memoryUsage.rss() / MIB) * 10) / 10,
      ...(written === undefined ? {} : { writtenMiB: Math.round((written - writtenBefore) * 10) / 10 }),
      ...(diskFreeMiB === undefined ? {} : { diskFreeMiB }),
      ...(celsius === undefined ? {} : { temperatureC: celsius }),
    };
  };
};
