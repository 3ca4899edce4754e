import { openTestOutbox } from "../outbox/open-outbox.ts";
import { patientTime } from "../outbox/patient-time.ts";
import type { Car } from "./car.ts";

/** Fills the outbox of a car that has not been started with the positions of a made-up drive, one a second. */
export const fillBacklog = async (car: Pick<Car, "folder">, records: number): Promise<void> => {
  const faults: unknown[] = [];
  await using outbox = await openTestOutbox(`${car.folder}/outbox`, {
    time: patientTime,
    on: { fault: (fault) => void faults.push(fault?.cause) },
  });
  for (let i = 0; i < records; i++) {
    const full = outbox.pressure();
    if (full) await full;
    outbox.append({
      kind: "position",
      at: Date.UTC(2026, 10, 24, 8) + i * 1000,
      clock: "gnss",
      data: {
        lat: Math.round((45.38 + Math.sin(i / 900) / 50) * 1e7) / 1e7,
        lon: Math.round((20.39 + Math.cos(i / 700) / 50) * 1e7) / 1e7,
        fix: "3d",
        altM: 80,
        speedKmh: Math.round(500 * (1 + Math.sin(i / 50))) / 10,
        courseDeg: i % 360,
        satellites: 8,
        hdop: 1,
        accuracyM: 3,
        reason: "interval",
      },
    });
  }
  await outbox.flush();
  if (faults.length > 0) throw new Error("the backlog cannot be written", { cause: faults[0] });
};
