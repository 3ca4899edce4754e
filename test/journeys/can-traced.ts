import { systemTime } from "../../src/runtime/time.ts";
import { busSource } from "../../src/sources/can/bus.ts";
import { nativeDriver } from "../../src/sources/can/native.ts";
import { socketcanDriver } from "../../src/sources/can/socketcan.ts";

/** Inside the guest, while its system calls are written down: reads the bus until it has heard enough. */
const ENOUGH = 20;

const driver = process.argv[2] === "native" ? nativeDriver(systemTime) : socketcanDriver;
const source = busSource("vcan0", { driver });
const filters = [{ id: 0x123, extended: false, group: false }];
let frames = 0;
for await (const batch of source.listen(filters, new AbortController().signal)) {
  frames += batch.length;
  if (frames >= ENOUGH) break;
}
process.exit(0);
