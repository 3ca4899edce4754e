import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sealAs } from "../../src/bundle/envelope.ts";
import { openFiles } from "../../src/bundle/files.ts";
import { createLog } from "../../src/runtime/log.ts";
import type { Time } from "../../src/runtime/ports.ts";
import { systemTime } from "../../src/runtime/time.ts";
import { sha256Of } from "../../src/update/install.ts";
import { ReleaseReceiver, type Answer } from "../../src/update/receive.ts";
import { RELEASE, Release, type ReleaseEvent } from "../../src/update/release.ts";
import { Tray } from "../../src/update/tray.ts";
import { keyPair } from "../bundle/signed.ts";
import { waitFor } from "../journeys/car.ts";

const hq = await keyPair("hq");
const stranger = await keyPair("stranger");

/** A second passes in a millisecond. */
const TIMES = 1_000;
const hastyTime: Time = {
  ...systemTime,
  mono: () => systemTime.mono() * TIMES,
  after: (ms, f) => systemTime.after(ms / TIMES, f),
  every: (ms, f) => systemTime.every(ms / TIMES, f),
};

const PACKAGE = Buffer.from("a package");
const NAME = "patrol-unit_1.1.0_amd64.deb";

/** A car with 1.0.0. `root`: what patrol-unit-install.service does with what is handed over. */
let dir: string;
let car: { emergency: boolean; onBattery: boolean; now: number | undefined };
let events: ReleaseEvent[];
let asked: string[];
let takenBack: string[];
let root: ((ready: string) => Answer | undefined) | undefined;
let answer: Answer | undefined;
let fetched: (file: string, signal: AbortSignal) => Promise<void>;
let stop: AbortController;
let receiver: ReleaseReceiver;
let taking: NodeJS.Timeout;

const open = (versions: "installed" | "checkout" = "installed"): ReleaseReceiver => {
  stop = new AbortController();
  return new ReleaseReceiver({
    unit: "zrenjanin/zr-117",
    architecture: "amd64",
    versions:
      versions === "checkout"
        ? undefined
        : { current: async () => "1.0.0", trial: async () => undefined, allTakenBack: async () => takenBack },
    trusted: async () => [hq.trusted],
    car: () => car,
    tray: new Tray(join(dir, "release"), openFiles(dir)),
    async fetch({ url, file, signal }) {
      asked.push(url);
      await fetched(file, signal);
    },
    sha256Of,
    answer: async () => answer,
    announce: async (event) => void events.push(event),
    time: hastyTime,
    log: createLog(() => undefined),
    signal: stop.signal,
  });
};

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "receive-"));
  car = { emergency: false, onBattery: false, now: undefined };
  [events, asked, takenBack, answer] = [[], [], [], undefined];
  root = () => ({ ok: true });
  fetched = async (file) => writeFileSync(file, PACKAGE);
  receiver = open();
  const ready = join(dir, "release/ready");
  taking = setInterval(() => {
    if (!root || !existsSync(ready)) return;
    answer = root(ready);
    rmSync(ready, { recursive: true });
  }, 1);
});
afterEach(() => {
  clearInterval(taking);
  rmSync(dir, { recursive: true });
});

const release = (more: Partial<Release> = {}, key = hq.key): Promise<Buffer> =>
  sealAs(
    RELEASE,
    Release.parse({
      v: 1,
      type: "release",
      for: "zrenjanin/*",
      version: "1.1.0",
      from: "https://hq.example/software/",
      packages: {
        amd64: { bytes: PACKAGE.length, sha256: createHash("sha256").update(PACKAGE).digest("hex") },
      },
      ...more,
    }),
    key,
  );

/** Looks each second. */
const look = async (seconds = 1): Promise<void> => {
  const until = hastyTime.mono() + seconds * 1_000;
  do {
    // oxlint-disable-next-line no-await-in-loop -- one look after the other
    await receiver.look();
    // oxlint-disable-next-line no-await-in-loop
    await new Promise((resolve) => setTimeout(resolve, 1));
  } while (hastyTime.mono() < until);
};
const FETCHING = { type: "update", version: "1.1.0", stage: "fetching", previous: "1.0.0" };
const INSTALLING = { type: "update", version: "1.1.0", stage: "installing", previous: "1.0.0" };
const refused = (error: string | RegExp) =>
  expect.objectContaining({
    type: "update",
    ok: false,
    error: typeof error === "string" ? error : expect.stringMatching(error),
  }) as unknown;

/** It does not go on, and is tried again. */
const waits = (error: RegExp) => ({
  type: "update",
  version: "1.1.0",
  error: expect.stringMatching(error) as unknown,
});

test("a release and the package that it names are handed over, and dispatch sees what goes on", async () => {
  let handed: string[] = [];
  root = (ready) => {
    handed = [...readdirSync(ready).toSorted(), readFileSync(join(ready, NAME), "utf8")];
    return { ok: true };
  };
  receiver.offer(await release());
  await look();
  expect(asked).toEqual([`https://hq.example/software/${NAME}`]);
  expect(handed).toEqual([NAME, "release", "a package"]);
  expect(events).toEqual([FETCHING, INSTALLING]);
});

test("what root refuses is told once, also if the broker sends it at each connection", async () => {
  const bytes = await release();
  root = () => ({ ok: false, code: "package", error: "version 1.1.0 does not run here" });
  receiver.offer(bytes);
  await look();
  expect(events.slice(2)).toEqual([refused("version 1.1.0 does not run here")]);
  receiver = open();
  receiver.offer(bytes);
  await look(200);
  expect(events).toHaveLength(3);
});

describe("nothing is fetched of a release that", () => {
  test.each([
    ["is signed by nobody who may", async () => release({}, stranger.key), /is signed by the key/],
    ["is for another car", () => release({ for: "novi-sad/*" }), /it is for novi-sad/],
    [
      "names no address",
      () => release({ from: undefined }),
      "it does not say from where its package is fetched",
    ],
    [
      "has no package for this computer",
      () => release({ packages: { arm64: { bytes: 1, sha256: "0".repeat(64) } } }),
      "it has no package for this computer (amd64)",
    ],
  ])("%s", async (_, make, error) => {
    receiver.offer(await make());
    await look(200);
    expect(events).toEqual([refused(error)]);
    expect(asked).toEqual([]);
  });

  test("is in force already: that is no news", async () => {
    receiver.offer(await release({ version: "1.0.0" }));
    await look(100);
    expect([events, asked]).toEqual([[], []]);
  });

  test("is older, or was taken back here", async () => {
    receiver.offer(await release({ version: "0.9.0" }));
    await look(100);
    takenBack = ["1.1.0"];
    receiver.offer(await release());
    await look(100);
    expect(events).toEqual([refused(/is not above 1\.0\.0/), refused(/was taken back here/)]);
    expect(asked).toEqual([]);
  });

  test("comes to a checkout", async () => {
    receiver = open("checkout");
    receiver.offer(await release());
    await look();
    expect(events).toEqual([refused(/not an installed version/)]);
  });
});

test("a package that is another one than was signed is fetched once more, then the release is refused", async () => {
  fetched = async (file) => writeFileSync(file, "another");
  receiver.offer(await release());
  await look(200);
  expect(asked).toHaveLength(2);
  expect(events).toEqual([FETCHING, waits(/has another/), refused(/has another package than was signed/)]);
  expect(existsSync(join(dir, "release/next"))).toBe(false);
});

test("what was fetched stays while the network fails, with pauses that grow to an hour", async () => {
  const had: number[] = [];
  const at: number[] = [];
  fetched = async (file) => {
    had.push(existsSync(file) ? readFileSync(file).length : 0);
    at.push(hastyTime.mono());
    writeFileSync(file, PACKAGE.subarray(0, had.length));
    if (had.length < PACKAGE.length) throw new Error("ECONNRESET");
  };
  receiver.offer(await release());
  await look(4_000);
  expect(had).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8].slice(0, had.length));
  expect(had.length).toBeGreaterThan(4);
  const pauses = at.slice(1).map((time, n) => (time - at[n]!) / 60_000);
  for (const [n, pause] of pauses.entries()) expect(pause).toBeGreaterThanOrEqual(Math.min(60, 2 ** n));
  expect(events.slice(0, 2)).toEqual([FETCHING, { type: "update", error: "ECONNRESET" }]);
  expect(events.filter(({ error }) => error !== undefined)).toHaveLength(1);
});

describe("while an emergency is open, or the ignition is off,", () => {
  test("nothing is fetched, and it goes on afterwards", async () => {
    car.emergency = true;
    receiver.offer(await release());
    await look(100);
    expect(asked).toEqual([]);
    car = { ...car, emergency: false, onBattery: true };
    await look(100);
    expect(asked).toEqual([]);
    car.onBattery = false;
    await look(100);
    expect(events).toEqual([FETCHING, INSTALLING]);
  });

  test("what is being fetched stops at once", async () => {
    const aborted = Promise.withResolvers<void>();
    fetched = (_, signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => {
          aborted.resolve();
          reject(new Error("aborted"));
        });
      });
    receiver.offer(await release());
    const looked = look();
    await waitFor("it to be fetched", () => asked.length === 1);
    car.emergency = true;
    await aborted.promise;
    await looked;
    fetched = async (file) => writeFileSync(file, PACKAGE);
    car.emergency = false;
    await look(100);
    expect(events).toEqual([FETCHING, INSTALLING]);
  });

  test("nothing is handed over that was fetched", async () => {
    fetched = async (file) => {
      writeFileSync(file, PACKAGE);
      car.emergency = true;
    };
    receiver.offer(await release());
    await look(100);
    expect(events).toEqual([FETCHING]);
    expect(existsSync(join(dir, "release/ready"))).toBe(false);
  });
});

test("dispatch withdraws a release while it is fetched", async () => {
  fetched = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("aborted")));
    });
  receiver.offer(await release());
  const looked = look();
  await waitFor("it to be fetched", () => asked.length === 1);
  receiver.offer(Buffer.alloc(0));
  await looked;
  await look(200);
  expect(asked).toHaveLength(1);
  expect(events).toEqual([FETCHING]);
});

test("root that takes it later, or does not answer, gets it again", async () => {
  const said: (Answer | undefined)[] = [
    { ok: false, code: "emergency", error: "an emergency is open" },
    undefined,
    { ok: true },
  ];
  root = () => said.shift();
  receiver.offer(await release());
  await look(400);
  expect(said).toEqual([]);
  expect(events.filter(({ ok }) => ok === false)).toEqual([]);
});

test("a release that nobody installs is withdrawn after a quarter of an hour, and handed over again", async () => {
  root = undefined;
  receiver.offer(await release());
  await look(901);
  expect(existsSync(join(dir, "release/ready"))).toBe(false);
  root = () => ({ ok: true });
  await look(100);
  expect(events).toEqual([FETCHING, INSTALLING, waits(/^root has not taken it/), INSTALLING]);
});

test("a service that starts anew while root installs waits for that", async () => {
  root = undefined;
  mkdirSync(join(dir, "release/ready"), { recursive: true });
  const bytes = await release();
  receiver.offer(bytes);
  const looked = look();
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(asked).toEqual([]);
  takenBack = ["1.1.0"];
  root = () => ({ ok: true });
  await looked;
  expect([asked, events]).toEqual([[], [refused(/was taken back here/)]]);
});
