import { expect, test } from "vitest";
import { NO_STATE, type State } from "../../src/bundle/trial.ts";
import { installedOn } from "../../src/cli/lib/installed.ts";

const storeWith = (current: number | undefined, previous: number | undefined, state: State = NO_STATE) => ({
  disk: () => Promise.resolve({ current, previous, versions: [] }),
  state: () => Promise.resolve(state),
  about: (version: number) =>
    Promise.resolve(
      version === 4 ? { version, for: "zrenjanin/*", signer: "workshop", sha256: "0" } : undefined,
    ),
});

test("a bundle is shown with its version, the one before, and who signed it", async () => {
  expect(await installedOn(storeWith(4, 3), 300)).toEqual({ version: 4, previous: 3, signer: "workshop" });
});

test("a trial is shown with the seconds that count", async () => {
  const state: State = {
    ...NO_STATE,
    trial: { version: 4, previous: 2, crashes: 0, countedMs: 12_700, running: true, machineBoot: "b" },
  };
  expect(await installedOn(storeWith(4, undefined, state), 300)).toMatchObject({
    previous: 2,
    trial: { countedS: 12, trialS: 300 },
  });
});

test("a root without a version has nothing to show", async () => {
  expect(await installedOn(storeWith(undefined, undefined), 300)).toEqual({});
});
