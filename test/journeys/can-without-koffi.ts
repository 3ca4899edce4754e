import { systemTime } from "../../src/runtime/time.ts";
import { busSource } from "../../src/sources/can/bus.ts";
import { driverOf } from "../../src/sources/can/driver.ts";

/** Inside the guest, in a process that finds no koffi: listens to the bus twice with the default driver. */
const print = (line: string): void => void process.stdout.write(`${line}\n`);
const driver = driverOf("native", systemTime, (line) => print(`warned: ${line}`));
const source = busSource("vcan0", { driver });
for (let n = 0; n < 2; n++) {
  for await (const _ of source.listen([], AbortSignal.timeout(300))) continue;
  print("heard");
}
process.exit(0);
