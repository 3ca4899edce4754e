import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { casesFrom, makeCutStore, tryCase } from "../outbox/damage.ts";

const CASES = 320;
const SEED = 17;

/** Every kind of fault in every file of a cut store, in several places: it opens, and accounts for all. */
export const damage = async (print: (what: string, figure: string) => void): Promise<boolean> => {
  const folder = mkdtempSync(join(tmpdir(), "damage-"));
  const outcome = { cases: 0, wrong: 0, whole: 0, declared: 0, numbers: 0, repaired: 0, aside: 0 };
  try {
    const cut = await makeCutStore(folder);
    for (const one of casesFrom(cut, SEED)) {
      if (outcome.cases === CASES) break;
      outcome.cases++;
      // oxlint-disable-next-line no-await-in-loop -- one after another, in one folder
      const { name, wrong, declared, news } = await tryCase(cut, folder, one);
      if (wrong.length > 0) print(name, wrong.join("; "));
      outcome.wrong += wrong.length;
      outcome[declared === 0 ? "whole" : "declared"]++;
      outcome.numbers += declared;
      if (news.some((line) => line.includes("saved"))) outcome.repaired++;
      if (news.some((line) => line.includes("set aside"))) outcome.aside++;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  print("faults, each alone", JSON.stringify(outcome));
  return outcome.wrong === 0 && outcome.whole > 0 && outcome.declared > 0;
};
