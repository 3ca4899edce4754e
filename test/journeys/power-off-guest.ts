import { existsSync, writeFileSync } from "node:fs";
import { createNotifier } from "../../src/runtime/notify.ts";
import { createLog, reasonOf } from "../../src/runtime/log.ts";
import { createPowerSwitch } from "../../src/runtime/power-off.ts";
import { tellHost } from "./guest.ts";

/**
 * Inside the guest, as a service of systemd and as a user without privileges: says that it is ready,
 * schedules a power-off, cancels it, and schedules another one, which comes.
 */
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
tellHost("user", process.getuid?.());
/** logind keeps here what is scheduled. */
const scheduled = () => existsSync("/run/systemd/shutdown/scheduled");
const power = createPowerSwitch(process.env);
try {
  await power.cancel();
  tellHost("nothing to cancel is no error", !scheduled());
  await power.schedule(60);
  tellHost("scheduled", scheduled());
  await power.cancel();
  tellHost("cancelled", !scheduled());
  await power.schedule(60);
  tellHost("scheduled again", scheduled());
  writeFileSync("/hurry/now", "");
} catch (cause) {
  tellHost("refused", reasonOf(cause));
}
