import { createClock } from "../runtime/clock.ts";
import { loadConfiguration } from "../settings/load.ts";
import { CONFIG_OPTIONS, configSource, EXIT, knownTime, options, type Command } from "./lib/command.ts";
import { renameFaults } from "./lib/rename.ts";
import { findBroker } from "./doctor/broker.ts";
import { configFindings } from "./doctor/config.ts";
import { tryDevices } from "./doctor/devices.ts";
import { tryDisk } from "./doctor/disk.ts";
import { findingText, isFailed, sound, trouble, type Finding } from "./doctor/finding.ts";
import { servedLink } from "./doctor/link.ts";
import { tryRights } from "./doctor/rights.ts";
import { certificateTime, rootFindings, waitingFindings } from "./doctor/root.ts";
import { askService } from "./doctor/service.ts";

/** `fix`: the receiver has a fix, so a service would know the time. */
const clockFinding = (clock: string, fix: boolean): Finding =>
  clock === "unset" && fix
    ? sound("clock", "not set yet: it comes from the receiver, which has a fix")
    : clock === "unset"
      ? trouble("clock", "the time is not known", "it comes from the receiver's first fix, or from NTP")
      : sound("clock", `set by ${clock}`);

const print = (findings: readonly Finding[], serviceRuns: boolean, asJson: boolean | undefined): void =>
  void process.stdout.write(
    asJson ? `${JSON.stringify({ serviceRuns, findings })}\n` : findings.map(findingText).join(""),
  );

export const doctor: Command = {
  summary: "tests each part and prints what to do about each failure",
  usage: `patrol-unit doctor --config FILE | --root DIR [--json]

Tries GPS, CAN, panic board and its loops, disk and card, clock, and each broker with TLS and
permissions; with --root also the certificate's days left, trusted keys, version and trial. While
the service runs it has the devices open: doctor then asks the service about them, and prints each
active fault of the service.
A line begins with ok, FAIL, or warn: nothing has failed, but something is not as usual. It is
chosen in the configuration (such as \`panic: none\`), but something does not work in this car;
or no service runs, or it runs with an older file.
Exit: 0 nothing failed, 1 something failed, 69 a device or a broker is not there, 78 the
configuration cannot be read, or gives no identity or no broker.`,
  async run(args) {
    const given = options(args, { ...CONFIG_OPTIONS, json: { type: "boolean" } });
    const source = configSource(given);
    const waiting = waitingFindings(source.root);
    if (waiting) {
      print(waiting, false, given.json);
      return EXIT.config;
    }
    const loaded = loadConfiguration(source);
    const faults = [...loaded.faults, ...(await renameFaults(source, loaded))];
    const configuration = { ...loaded, faults };
    const { settings, sha256 } = configuration;
    const { service, none, findings: ofService } = await askService(settings, sha256);
    const devices = await tryDevices(configuration, service);
    const brokers = await Promise.all(
      settings.dispatch.brokers.map((broker) => findBroker(broker, settings, source.root !== undefined)),
    );
    const findings = [
      ...configFindings(source, configuration, service),
      ...(await rootFindings(source.root, settings, certificateTime(knownTime(), service))),
      ...ofService,
      ...(none ? tryRights(source.file, settings) : []),
      ...devices,
      ...(await tryDisk(settings.outbox.path, service)),
      clockFinding(
        service?.clock ?? createClock().now().clock,
        devices.some(({ part, cure }) => part === "gps" && cure === undefined),
      ),
      ...(service ? servedLink(service, brokers) : []),
      ...brokers,
    ];
    print(findings, service !== undefined, given.json);
    const failed = findings.filter(isFailed);
    if (failed.length === 0) return EXIT.ok;
    return failed.some(({ absent }) => absent === true) ? EXIT.unavailable : EXIT.failed;
  },
};
