import { openFiles } from "../../src/bundle/files.ts";
import { install } from "../../src/bundle/install.ts";
import { Receiver } from "../../src/bundle/receive.ts";
import { Store } from "../../src/bundle/store.ts";
import { rootAt } from "../../src/settings/root.ts";

export const noLock = { [Symbol.dispose]: () => undefined };

/** A receiver in a running service, on a clock of its own. */
export const openBench = (dir: string) => {
  const root = rootAt(dir);
  const files = openFiles(dir);
  const store = new Store(root, files);
  const car = { nowMs: 0, now: undefined as number | undefined, emergency: false, lines: [] as string[] };
  const receiver = new Receiver({
    root,
    files,
    store,
    unit: "zrenjanin/zr-117",
    mono: () => car.nowMs,
    lock: () => Promise.resolve(noLock),
    install: (bytes, from) =>
      install(bytes, {
        root,
        files,
        store,
        now: car.now,
        emergency: car.emergency,
        from,
        machineBoot: "boot",
        show: () => undefined,
      }),
    result: ({ kind }, line) => void car.lines.push(`${kind} | ${line}`),
  });
  return {
    car,
    store,
    receiver,
    async look(seconds = 1) {
      for (let n = 0; n < seconds; n++) {
        car.nowMs += 1_000;
        await receiver.look();
      }
    },
    current: async () => (await store.disk()).current,
  };
};
