import { createClock } from "../runtime/clock.ts";
import { faultText } from "../settings/fault.ts";
import { loadConfiguration } from "../settings/load.ts";
import { EXIT, options, configFile, type Command } from "./lib/command.ts";
import { tryBroker } from "./doctor/broker.ts";
import { tryDevices } from "./doctor/devices.ts";
import { tryDisk } from "./doctor/disk.ts";
import { findingText, sound, trouble, type Finding } from "./doctor/finding.ts";
import { askService } from "./doctor/service.ts";

/** `fix`: the receiver has a fix, so a service would know the time. */
const clockFinding = (clock: string, fix: boolean): Finding =>
  clock === "unset" && fix
    ? sound("clock", "not set yet: it comes from the receiver, which has a fix")
    : clock === "unset"
      ? trouble("clock", "the time is not known", "it comes from the receiver's first fix, or from NTP")
      : sound("clock", `set by ${clock}`);

export const doctor: Command = {
  summary: "tests each part and prints what to do about each failure",
  usage: `patrol-unit doctor --config FILE [--json]

Tries GPS, CAN, panic board and its loops, disk and card, clock, and each broker with TLS and permissions.
While the service runs it has the devices open: doctor then asks the service about them.
A line begins with ok, FAIL, or warn: the configuration wants it so, but the car lacks something.
Exit: 0 nothing failed, 1 something is not, 69 a device or a broker is not there, 78 the configuration cannot
be read, or gives no identity or no broker.`,
  async run(args) {
    const given = options(args, { config: { type: "string" }, json: { type: "boolean" } });
    const file = configFile(given.config);
    const configuration = loadConfiguration(file);
    const { settings, warnings, doubts, faults } = configuration;
    const asked = await askService(settings);
    const { service } = asked;
    const devices = await tryDevices(configuration, service);
    const findings = [
      ...warnings.map((warning) => trouble("config", warning, "put the file there")),
      ...doubts.map((doubt) => trouble("config", doubt, "check the signal map and the database")),
      ...faults.map(({ remedy = "correct it", ...fault }) => trouble("config", faultText(fault), remedy)),
      ...asked.findings,
      ...devices,
      ...(await tryDisk(settings.outbox.path, service)),
      clockFinding(
        service?.clock ?? createClock().now().clock,
        devices.some(({ part, cure }) => part === "gps" && cure === undefined),
      ),
      ...(await Promise.all(settings.dispatch.brokers.map((broker) => tryBroker(broker, settings)))),
    ];
    process.stdout.write(
      given.json
        ? `${JSON.stringify({ serviceRuns: service !== undefined, findings })}\n`
        : findings.map(findingText).join(""),
    );
    const failed = findings.filter(({ cure }) => cure !== undefined);
    if (failed.length === 0) return EXIT.ok;
    return failed.some(({ absent }) => absent === true) ? EXIT.unavailable : EXIT.failed;
  },
};
