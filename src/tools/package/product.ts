/** What `npm run package` makes: one package for cars, one for dispatch's servers, for two architectures each. */

export type Architecture = "amd64" | "arm64";

export const ARCHITECTURES: readonly Architecture[] = ["amd64", "arm64"];

/** How npm, GNU tools and prebuilt addons name an architecture. */
export const NAMES: Readonly<Record<Architecture, { readonly npm: "x64" | "arm64"; readonly gnu: string }>> =
  {
    amd64: { npm: "x64", gnu: "x86_64-linux-gnu" },
    arm64: { npm: "arm64", gnu: "aarch64-linux-gnu" },
  };

export type Product = {
  /** Of the package. */
  readonly name: "patrol-unit" | "patrol-unit-recorder";
  readonly commands: "car" | "recorder";
  /** Packages of npm that stay outside the bundle. */
  readonly external: readonly string[];
  /** Folders of `dist/web`. */
  readonly pages: readonly string[];
  /** The folder of the program, without a leading slash. */
  readonly folder: (version: string) => string;
  /** The folder by which everything else names the program. */
  readonly current: string;
  readonly depends: readonly string[];
  readonly suggests: readonly string[];
  readonly conflicts: string;
  readonly description: readonly [summary: string, ...lines: string[]];
};

/** What Node and the addons are linked with. A test compares it with the files. */
const LIBRARIES: readonly string[] = ["libc6 (>= 2.34)", "libgcc-s1", "libstdc++6 (>= 11)"];

const CAR: Product = {
  name: "patrol-unit",
  commands: "car",
  external: [
    "classic-level",
    "@serialport/bindings-cpp",
    "koffi",
    "socketcan",
    // For a board with a firmware that is not ours.
    "johnny-five",
    "firmata-io",
  ],
  pages: ["status", "console"],
  // Versions lie side by side, so that one can be tried while the other is kept.
  folder: (version) => `opt/patrol-unit/${version}`,
  current: "opt/patrol-unit/current",
  // `ip` tells whether the bus is listen-only; udev names the devices.
  depends: [...LIBRARIES, "iproute2", "systemd (>= 252)", "udev"],
  // Not Recommends: a car is installed without a network, and only `power.offAfterS` needs it.
  suggests: ["can-utils", "polkitd"],
  conflicts: "patrol-unit-recorder",
  description: [
    "computer of a police patrol car",
    "Reads a GPS receiver, the vehicle's CAN bus and a panic board, keeps every",
    "report on disk, and relays it to dispatch over MQTT. A press of a panic",
    "button survives a power cut, a full disk and a lost connection.",
    "",
    "The service waits until the car has a configuration and an identity:",
    "patrol-unit doctor --root /var/lib/patrol-unit/root says what is missing.",
  ],
};

const RECORDER: Product = {
  name: "patrol-unit-recorder",
  commands: "recorder",
  external: ["classic-level", "koffi"],
  pages: ["console"],
  folder: () => "usr/lib/patrol-unit-recorder",
  current: "usr/lib/patrol-unit-recorder",
  depends: [...LIBRARIES, "systemd (>= 252)"],
  suggests: ["mosquitto", "postgresql"],
  conflicts: "patrol-unit",
  description: [
    "recorder and console of the patrol cars' dispatch",
    "Stores every report of the patrol cars in SQLite or PostgreSQL, sends",
    "receipts, answers emergencies, and shows the fleet on a page.",
    "",
    "The service waits until /etc/patrol-unit-recorder/recorder.conf is there.",
  ],
};

export const PRODUCTS: readonly Product[] = [CAR, RECORDER];
