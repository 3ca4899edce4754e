import { damage } from "./damage.ts";
import { noise } from "./noise.ts";
import { powerCuts } from "./power-cuts.ts";

/** `npm run soak -- NAME…`: what takes hours, or hundreds of rounds, and so is no part of `npm test`. */
const print = (what: string, figure: string): void => void process.stdout.write(`${what}: ${figure}\n`);
const SECTIONS: Readonly<Record<string, (report: typeof print) => boolean | Promise<boolean>>> = {
  damage,
  noise,
  "power-cuts": powerCuts,
};

const NAMES = Object.keys(SECTIONS).join(", ");
const USAGE = `npm run -s soak [-- SECTION…]

Runs all sections, or the given ones: ${NAMES}. They take hours; power-cuts needs
user-mode Linux. Exit: 0 nothing failed, 1 something did, 64 wrong usage.
`;

const wanted = process.argv.slice(2);
if (wanted.includes("--help") || wanted.includes("-h")) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const unknown = wanted.filter((name) => !Object.hasOwn(SECTIONS, name));
if (unknown.length > 0) {
  process.stderr.write(`there is no section ${unknown.join(", ")}: ${NAMES}\n`);
  process.exit(64);
}
for (const [name, run] of Object.entries(SECTIONS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`\n${name}\n`);
  // oxlint-disable-next-line no-await-in-loop -- one after another: each has the machine to itself
  if (!(await run(print))) process.exitCode = 1;
}
