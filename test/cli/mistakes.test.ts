import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { bundle } from "../../src/cli/bundle.ts";
import { check } from "../../src/cli/check.ts";
import { enrol } from "../../src/cli/enrol.ts";
import { flash } from "../../src/cli/flash.ts";
import { init } from "../../src/cli/init.ts";
import type { Command } from "../../src/cli/lib/command.ts";
import { failureOf } from "../../src/cli/lib/failure.ts";
import { Authority } from "./authority.ts";
import { BUNDLES } from "./mistakes/bundles.ts";
import { configOf, copyOf, everythingIn, makeCar, Pick, SECRETS, UNIT, type Car } from "./mistakes/car.ts";
import { GARAGE } from "./mistakes/garage.ts";
import { HEADQUARTERS } from "./mistakes/headquarters.ts";
import { IDENTITY } from "./mistakes/identity.ts";
import { ROLLED_BACK } from "./mistakes/rolled-back.ts";
import { ROOTS } from "./mistakes/roots.ts";
import type { Mistake, Typed } from "./mistakes/mistake.ts";

/**
 * The mistakes of technicians, and of headquarters, by the commands as they are typed: each is refused in one
 * line with the right exit code, and nothing anywhere has changed. Or it is installed, and the unit goes back by
 * itself. The same in each run: the number of a mistake is the seed of its choices.
 */

const COMMANDS: Readonly<Record<string, Command>> = { bundle, check, enrol, flash, init };
const MISTAKES: readonly Mistake[] = [...BUNDLES, ...ROOTS, ...IDENTITY, ...HEADQUARTERS, ...GARAGE];
const NOBODY = 65_534;

/** A port of which nobody else takes notice: it was free a moment ago. */
const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
};

/** The status page of a service that knows the time. */
const service = async (port: number): Promise<Server> => {
  const status = { unit: UNIT, at: "2027-03-01T08:00:00.000Z", clock: "gps" };
  const server = createServer((_, response) => void response.end(JSON.stringify(status)));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return server;
};

let authority: Authority;
let car: Car;
let said = { stdout: "", stderr: "" };

beforeAll(async () => {
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = () => true;
  authority = new Authority("patrol ca");
  car = await makeCar(await freePort(), authority);
  process.stdout.write = write;
});
afterAll(() => {
  car[Symbol.dispose]();
  authority[Symbol.dispose]();
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

/** Types a line. Returns the exit code, and the lines on stderr. */
const type = async (
  { line: [name, ...args], asNobody = false, time }: Omit<Typed, "exit" | "says">,
  port: number,
) => {
  said = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const)
    vi.spyOn(process[stream], "write").mockImplementation((text) => {
      said[stream] += String(text);
      return true;
    });
  const server = time === "known" ? await service(port) : undefined;
  // As a computer whose battery is empty starts: earlier than this release was built.
  vi.useFakeTimers({ toFake: ["Date"], now: Date.UTC(2000, 0, 1) });
  if (asNobody) process.seteuid?.(NOBODY);
  try {
    return await COMMANDS[name]!.run(args);
  } catch (error) {
    const { exit, lines } = failureOf(error);
    said.stderr += `${lines}\n`;
    return exit;
  } finally {
    if (asNobody) process.seteuid?.(0);
    server?.close();
  }
};

/** Error codes and stack traces: no message for a technician may contain them. */
const MACHINE_WORDS = /\bE[A-Z]{4,}\b|\n +at |node:|Error\b|undefined|\[object|\bNaN\b|[{[]; /;

/** Each kind as often as it says. The number of a mistake is the seed of its choices. */
const numbered = <T extends { readonly kind: string; readonly times: number }>(kinds: readonly T[]) =>
  kinds
    .flatMap((one) =>
      Array.from({ length: one.times }, (_, n) => ({
        ...one,
        name: `${one.kind} (${n + 1})`,
        nth: n,
        seed: 0,
      })),
    )
    .map((one, index) => Object.assign(one, { seed: index + 1 }));
const ALL = numbered(MISTAKES);

describe("refused in one line, with nothing changed:", () => {
  test.for(ALL)("$name", async ({ make, seed, nth }, { skip }) => {
    using own = copyOf(car);
    const typed = await make(own, new Pick(seed, nth));
    // Somebody who is not root owns these files, and cannot become another one.
    skip(typed.asNobody === true && process.getuid?.() !== 0);
    const before = everythingIn(own.dir);
    const exit = await type(typed, own.port);
    const line = said.stderr.trimEnd();
    expect(line).toMatch(typed.says);
    if (typed.isList !== true) expect(line).not.toMatch(/\n/);
    expect(line.replaceAll(own.dir, "")).not.toMatch(MACHINE_WORDS);
    expect(exit).toBe(typed.exit);
    if (typed.showsProgress !== true) expect(said.stdout).toBe("");
    for (const secret of [...SECRETS, ...keyLines(car)]) expect(line).not.toContain(secret);
    expect(everythingIn(own.dir)).toEqual(before);
  });
});

describe("installed, and rolled back by the unit itself:", () => {
  test.each(numbered(ROLLED_BACK))("$name", async ({ brokers, serve, says, seed, nth }) => {
    using own = copyOf(car);
    const pick = new Pick(seed, nth);
    const text = configOf(own.port, 5 + pick.int(9)).replace("mqtts://dispatch-a:8883", brokers(pick));
    const file = own.write(
      "stick/new.patrol",
      await own.sealed({ files: [{ name: "patrol-unit.yaml", text }] }),
    );
    const before = everythingIn(own.at("root"));
    expect(await type({ line: ["flash", "config", file, ...own.root] }, own.port)).toBe(0);
    vi.useRealTimers();
    expect(readlinkSync(own.inRoot("current"))).toBe("configs/3");
    expect(await serve(own)).toMatch(says);
    expect(everythingIn(own.at("root"))).toMatchObject(inForce(own, before));
  });
});

/**
 * What is in force of a root. The state notes what has failed; the version before this one is not needed after going
 * back, and may be pruned.
 */
const inForce = (own: Car, files: Readonly<Record<string, string>>): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(files).filter(
      ([path]) => !["state.json", "previous", "configs/1"].some((name) => path.startsWith(own.inRoot(name))),
    ),
  );

test("there are at least 300 of them", () => {
  expect(ALL.length + numbered(ROLLED_BACK).length).toBeGreaterThanOrEqual(300);
});

/** The lines of the private keys. */
const keyLines = (from: Car): readonly string[] =>
  ["hq/hq.pem", "hq/locked.pem", "root/identity/unit.key"].flatMap((name) =>
    from
      .read(name)
      .split("\n")
      .filter((line) => line !== "" && !line.startsWith("-----")),
  );
