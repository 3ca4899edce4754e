import { basename } from "node:path";
import { gzipSync } from "node:zlib";
import { bashCompletion, fishCompletion, manualPage, zshCompletion, type Described } from "./manual.ts";
import { changelog } from "./control.ts";
import { copyrightText } from "./copyright.ts";
import type { Component } from "./component.ts";
import { copy, text, type Entry } from "./entry.ts";
import type { Architecture, Product } from "./product.ts";
import { sbomText } from "./sbom.ts";

/** What is in a package, and where. Pure: files are named here and read later. */

/** What was built before. Paths are those of this machine. */
export type Built = {
  readonly version: string;
  readonly architecture: Architecture;
  /** Of the commit: seconds since 1970. */
  readonly at: number;
  /** `unit.mjs`, and the file with its comments about licences if there is one. */
  readonly bundle: readonly string[];
  /** What loads the bundle: the launcher of /usr/bin starts it, so it is no program. */
  readonly door: string;
  /** The stripped Node. */
  readonly node: string;
  /** Files of node_modules by their paths below it, with where each is now. */
  readonly modules: ReadonlyMap<string, string>;
  /** Files of `dist/web`, without those with licences, by their paths below it. */
  readonly pages: readonly string[];
  readonly commands: readonly Described[];
  readonly components: readonly Component[];
};

type Placed = readonly (readonly [from: string, path: string, mode?: 0o755])[];

const VEHICLES = [
  "README.md",
  "j1939-van.dbc",
  "j1939-van.yaml",
  "skoda-octavia-iii.dbc",
  "skoda-octavia-iii.yaml",
  "toyota-rav4.dbc",
  "toyota-rav4.yaml",
];
const BROKERS = ["ca.cnf", "mosquitto.conf", "nats.conf", "patrol.acl", "rabbitmq.conf"];

const docs = (name: string, files: readonly string[]): Placed =>
  files.map((from) => [from, `usr/share/doc/${name}/${from.slice(from.lastIndexOf("/") + 1)}`]);

const examples = (name: string, files: Placed): Placed =>
  files.map(([from, path]) => [from, `usr/share/doc/${name}/examples/${path}`]);

const brokers = (name: string): Placed =>
  examples(
    name,
    BROKERS.map((file) => [`config/broker/${file}`, `broker/${file}`]),
  );

/** The car's own files. `folder`: of the program. */
const carFiles = (folder: string): Placed => [
  ["firmware-bridge/firmware/panic-board.hex", `${folder}/dist/firmware-bridge/firmware/panic-board.hex`],
  ["firmware-bridge/firmware/boot-loader.hex", `${folder}/dist/firmware-bridge/firmware/boot-loader.hex`],
  ["systemd/stick.sh", `${folder}/stick.sh`, 0o755],
  ["systemd/install-release.sh", `${folder}/install-release.sh`, 0o755],
  ["systemd/stick-release.sh", `${folder}/stick-release.sh`, 0o755],
  ["systemd/set-clock.sh", `${folder}/set-clock.sh`, 0o755],
  // A part of no version: see there.
  ["systemd/release-trial.sh", "usr/lib/patrol-unit/release-trial.sh", 0o755],
  // `init` looks for them beside the program.
  ...VEHICLES.map((file) => [`config/vehicles/${file}`, `${folder}/config/vehicles/${file}`] as const),
  ["systemd/patrol-unit.service", "usr/lib/systemd/system/patrol-unit.service"],
  ["systemd/patrol-unit.path", "usr/lib/systemd/system/patrol-unit.path"],
  ["systemd/patrol-unit-clock.path", "usr/lib/systemd/system/patrol-unit-clock.path"],
  ["systemd/patrol-unit-clock.service", "usr/lib/systemd/system/patrol-unit-clock.service"],
  ["systemd/patrol-unit-release.path", "usr/lib/systemd/system/patrol-unit-release.path"],
  ["systemd/patrol-unit-release.service", "usr/lib/systemd/system/patrol-unit-release.service"],
  ["systemd/patrol-unit-install.path", "usr/lib/systemd/system/patrol-unit-install.path"],
  ["systemd/patrol-unit-install.service", "usr/lib/systemd/system/patrol-unit-install.service"],
  ["systemd/patrol-unit-stick@.service", "usr/lib/systemd/system/patrol-unit-stick@.service"],
  ["systemd/50-patrol-unit-journal.conf", "usr/lib/systemd/journald.conf.d/50-patrol-unit.conf"],
  ["systemd/50-patrol-unit-watchdog.conf", "usr/lib/systemd/system.conf.d/50-patrol-unit.conf"],
  ["systemd/60-patrol-unit.rules", "usr/lib/udev/rules.d/60-patrol-unit.rules"],
  ["systemd/80-patrol-unit-stick.rules", "usr/lib/udev/rules.d/80-patrol-unit-stick.rules"],
  ["systemd/90-patrol-unit.conf", "usr/lib/sysctl.d/90-patrol-unit.conf"],
  ["systemd/50-patrol-unit.rules", "usr/share/polkit-1/rules.d/50-patrol-unit.rules"],
  ["systemd/patrol-unit.sysusers", "usr/lib/sysusers.d/patrol-unit.conf"],
  ["systemd/patrol-unit.tmpfiles", "usr/lib/tmpfiles.d/patrol-unit.conf"],
  ["systemd/package/patrol-unit/lintian-overrides", "usr/share/lintian/overrides/patrol-unit"],
  ...docs("patrol-unit", [
    "systemd/RUNBOOK.md",
    "systemd/SECURITY.md",
    "config/CONTRACT.md",
    "config/METRICS.md",
    "config/OFFICER.md",
    "config/TECHNICIAN.md",
    "config/patrol-unit.schema.json",
    "firmware-bridge/PROTOCOL.md",
  ]),
  ...examples("patrol-unit", [
    ["config/patrol-unit.yaml", "patrol-unit.yaml"],
    ["systemd/25-can0.network", "25-can0.network"],
    ["systemd/config-file.conf", "config-file.conf"],
  ]),
  ...brokers("patrol-unit"),
];

const RECORDER = "systemd/package/patrol-unit-recorder";
const RECORDER_FILES: Placed = [
  [`${RECORDER}/patrol-unit-recorder.service`, "usr/lib/systemd/system/patrol-unit-recorder.service"],
  [`${RECORDER}/sysusers.conf`, "usr/lib/sysusers.d/patrol-unit-recorder.conf"],
  [`${RECORDER}/tmpfiles.conf`, "usr/lib/tmpfiles.d/patrol-unit-recorder.conf"],
  [`${RECORDER}/lintian-overrides`, "usr/share/lintian/overrides/patrol-unit-recorder"],
  ...docs("patrol-unit-recorder", [
    "config/CONTRACT.md",
    "config/INTEGRATOR.md",
    "config/asyncapi.yaml",
    "config/patrol-unit.schema.json",
  ]),
  ...examples("patrol-unit-recorder", [[`${RECORDER}/recorder.conf`, "recorder.conf"]]),
  ...brokers("patrol-unit-recorder"),
];

const placed = (files: Placed): Entry[] => files.map(([from, path, mode]) => copy(from, path, mode));

const program = (product: Product, folder: string, built: Built): Entry[] => [
  copy(built.node, `${folder}/bin/node`, 0o755),
  text(`${folder}/dist/patrol-unit.mjs`, built.door),
  ...built.bundle.map((from) => copy(from, `${folder}/dist/${basename(from)}`)),
  ...built.pages
    .filter((path) => product.pages.some((page) => path.startsWith(`${page}/`)))
    .map((path) => copy(`dist/web/${path}`, `${folder}/dist/web/${path}`)),
  ...[...built.modules].map(([path, from]) => copy(from, `${folder}/node_modules/${path}`)),
  copy(`systemd/package/${product.name}/launcher.sh`, "usr/bin/patrol-unit", 0o755),
];

/** gzip without a name or a time, at the highest level, as policy 12.3 wants it. */
const zipped = (bytes: string): Uint8Array => gzipSync(bytes, { level: 9 });

const PLACES: Readonly<Record<Product["commands"], readonly string[]>> = {
  car: ["/var/lib/patrol-unit/root", "/etc/patrol-unit/patrol-unit.yaml", "/usr/share/doc/patrol-unit"],
  recorder: ["/etc/patrol-unit-recorder/recorder.conf", "/usr/share/doc/patrol-unit-recorder"],
};

const generated = (product: Product, built: Built): Entry[] => {
  const { name } = product;
  const { version, architecture, at, commands, components } = built;
  const day = new Date(at * 1000).toISOString().slice(0, 10);
  const about = { version, day, files: PLACES[product.commands] };
  const subject = { name, version, architecture, at };
  return [
    text("usr/share/man/man1/patrol-unit.1.gz", zipped(manualPage(product.description[0], commands, about))),
    text("usr/share/bash-completion/completions/patrol-unit", bashCompletion(commands)),
    text("usr/share/zsh/vendor-completions/_patrol-unit", zshCompletion(commands)),
    text("usr/share/fish/vendor_completions.d/patrol-unit.fish", fishCompletion(commands)),
    text(`usr/share/doc/${name}/copyright`, copyrightText(name, components)),
    text(`usr/share/doc/${name}/sbom.cdx.json`, sbomText(subject, components)),
    text(`usr/share/doc/${name}/changelog.gz`, zipped(changelog(product, version, at))),
  ];
};

/** Everything in the package but its control files. */
export const contentsOf = (product: Product, built: Built): Entry[] => {
  const folder = product.folder(built.version);
  return [
    ...program(product, folder, built),
    ...placed(product.commands === "car" ? carFiles(folder) : RECORDER_FILES),
    ...generated(product, built),
  ];
};
