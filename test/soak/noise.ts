import { createRandom } from "../../src/demo/random.ts";
import { makeNoise, openFirmwareBench } from "../firmware-bridge/bench.ts";

const HOURS = 24;
const HOUR_MS = 3_600_000;

/** A day of the released image with noise on every loop and nobody at a button: no press may come of it. */
export const noise = (print: (what: string, figure: string) => void): boolean => {
  const bench = openFirmwareBench({ seed: 24 });
  const random = createRandom(24);
  let beats = 0;
  let presses = 0;
  let faults = 0;
  for (let hour = 1; hour <= HOURS; hour++) {
    makeNoise(bench, random, HOUR_MS);
    beats += bench.of("heartbeat").length;
    presses += bench.of("press").length;
    faults += bench.of("loop").length;
    bench.heard.length = 0;
    print(
      `after ${hour} h of the board's time`,
      `${beats} heartbeats, ${presses} presses, ${faults} loop faults`,
    );
  }
  return presses === 0 && faults === 0 && beats >= (HOURS * HOUR_MS) / 1000 - 2;
};
