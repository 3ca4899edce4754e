import { createLog } from "../../src/runtime/log.ts";
import { createNotifier } from "../../src/runtime/notify.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { pause } from "../../src/runtime/wait.ts";
import { tellHost } from "./guest.ts";

/** Inside the guest, as a service of systemd with a watchdog: lives for a while, then its main loop hangs. */
const log = createLog((line) => void process.stdout.write(line));
const notifier = createNotifier(process.env, log);
notifier.ready();
const { signal } = new AbortController();
const seconds = Number(process.env["GUEST_LIFE_S"]);
for (let lived = 1; lived <= seconds; lived++) {
  await pause(1_000, signal, systemTime);
  tellHost("lived", lived);
}
for (;;);
