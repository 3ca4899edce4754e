import { createNotifier } from "../../src/runtime/notify.ts";
import { createLog, reasonOf } from "../../src/runtime/log.ts";
import { requestPowerOff } from "../../src/runtime/power-off.ts";
import { tellHost } from "./guest.ts";

/** Inside the guest, as a service of systemd: says that it is ready, and asks for a power-off. */
const log = createLog((line) => void process.stdout.write(line));
const notifier = createNotifier(process.env, log);
const living = setInterval(() => undefined, 1_000);
process.on("SIGTERM", () => {
  tellHost("stopped clean", true);
  notifier[Symbol.dispose]();
  clearInterval(living);
  process.exit(0);
});
notifier.ready();
tellHost("started", true);
requestPowerOff(process.env).then(
  () => tellHost("asked", true),
  (cause: unknown) => tellHost("refused", reasonOf(cause)),
);
