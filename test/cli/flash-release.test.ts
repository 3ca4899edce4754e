import { mkdirSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { bundle } from "../../src/cli/bundle.ts";
import { flash } from "../../src/cli/flash.ts";
import { NO_MEMORY } from "../../src/domain/memory.ts";
import { encodeVital } from "../../src/outbox/vital-record.ts";
import { vitalFileOf, writePlace } from "../../src/outbox/vital.ts";
import { keptEpisode } from "../outbox/kept-episode.ts";
import { packageIn } from "../update/package.ts";
import { inFolder } from "./in-folder.ts";

const CONFIG = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
panic: none
dispatch: { brokers: ["mqtts://dispatch-a:8883"], password: garage-7 }
outbox: { path: outbox }
status: { listen: "127.0.0.1:1" }
`;

const folder = inFolder((dir) => {
  for (const name of ["root/trust", "root/configs/1", "trust", "software/1.0.0"])
    mkdirSync(join(dir, name), { recursive: true });
  symlinkSync("1.0.0", join(dir, "software/current"));
  writeFileSync(join(dir, "root/configs/1/patrol-unit.yaml"), CONFIG);
  symlinkSync("configs/1", join(dir, "root/current"));
});

const sign = async (recipient = "zrenjanin/*", ...packages: string[]) => {
  const { at } = folder;
  await folder.run(bundle, ["keygen", "--out", at("hq.pem")]);
  writeFileSync(at("trust/hq.pem"), readFileSync(at("hq.pub.pem")));
  const given = packages.flatMap((file) => ["--package", file]);
  const rest = ["--key", at("hq.pem"), "--for", recipient, "--out", at("1.1.0.release")];
  return folder.run(bundle, ["release", ...given, ...rest]);
};
const install = (...more: string[]) => {
  const { at } = folder;
  const places = ["--root", at("root"), "--trust", at("trust"), "--into", at("software")];
  return folder.run(flash, ["release", at("1.1.0.release"), ...places, ...more]);
};
const inForce = (): string => readlinkSync(folder.at("software/current"));

test("headquarters signs a package, and a car installs it on trial", async () => {
  expect(await sign(undefined, packageIn(folder.dir, "1.1.0"))).toEqual({
    exit: 0,
    line: expect.stringMatching(
      /1\.1\.0\.release: version 1\.1\.0 \(amd64\) for zrenjanin\/\*, signed by \S{12}$/,
    ),
  });
  expect(await install()).toEqual({
    exit: 0,
    line: "version 1.1.0, signed by hq, is in force, on trial: if dispatch is not reached with it, version 1.0.0 returns",
  });
  expect(inForce()).toBe("1.1.0");
  const { exit, line } = await install();
  expect([exit, line.split(": ").at(-1)]).toEqual([1, "version 1.1.0 is not above 1.1.0, which is in force"]);
  expect(await install("--json")).toMatchObject({ exit: 1 });
  expect(JSON.parse(folder.printed)).toMatchObject({
    ok: false,
    code: "version",
    version: "1.1.0",
    signer: "hq",
  });
});

test("a release is no configuration", async () => {
  await sign(undefined, packageIn(folder.dir, "1.1.0"));
  const said = await folder.run(flash, ["config", folder.at("1.1.0.release"), "--root", folder.at("root")]);
  expect(said.line).toMatch(/is refused: it is a patrol-unit-release: expected a patrol-unit-bundle$/);
});

test("nothing changes if the release is for another car, or its package is not there", async () => {
  const deb = packageIn(folder.dir, "1.1.0");
  await sign("novi-sad/*", deb);
  expect((await install()).line).toMatch(
    /is refused: it is for novi-sad\/\*, and this unit is zrenjanin\/zr-117$/,
  );
  await sign(undefined, deb);
  expect((await install("--package", folder.at("other.deb"))).line).toMatch(
    /is refused: the package patrol-unit_1\.1\.0_amd64\.deb is missing: copy it into the folder of the release/,
  );
  writeFileSync(deb, "x");
  expect((await install()).line).toMatch(/has 1 bytes, and a package of \d+ was signed: copy it again$/);
  expect([inForce(), readdirSync(folder.at("software"))]).toEqual(["1.0.0", ["1.0.0", "current"]]);
});

test("it is refused while an emergency is open in the outbox of a service that does not run", async () => {
  await sign(undefined, packageIn(folder.dir, "1.1.0"));
  mkdirSync(folder.at("root/outbox"));
  const emergency = { ...NO_MEMORY.emergency, episodes: [keptEpisode()] };
  const numbers = { boot: 1, connection: 1, lease: 64, reach: 64 };
  const memory = { ...NO_MEMORY, emergency };
  const { bytes, place } = encodeVital({ generation: 1, store: "k3v9q0ab", ...numbers, memory });
  await writePlace(vitalFileOf(folder.at("root/outbox")), place, bytes);
  expect((await install()).line).toMatch(/is refused: an emergency is open: try again when it is over$/);
  expect(inForce()).toBe("1.0.0");
});

test.each([
  ["a file that is no package", ["car.deb"], /expected a file such as patrol-unit_1\.6\.0_amd64\.deb$/],
  [
    "packages of two versions",
    ["patrol-unit_1.1.0_amd64.deb", "patrol-unit_1.2.0_arm64.deb"],
    /expected version 1\.1\.0, as of the other package$/,
  ],
  ["no package", [], /^--package is missing/],
])("%s is not signed", async (_what, names, words) => {
  for (const name of names) writeFileSync(folder.at(name), "x");
  const { exit, line } = await sign(undefined, ...names.map((name) => folder.at(name)));
  expect([exit, line]).toEqual([64, expect.stringMatching(words)]);
});
