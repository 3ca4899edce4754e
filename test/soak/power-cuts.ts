import { createRandom } from "../../src/demo/random.ts";
import { canBoot } from "../journeys/guest.ts";
import { cutPower } from "../journeys/power-cut.ts";

const CUTS = 200;

/** Two hundred power cuts at random moments, under load, with a broker outside: nothing may be missing. */
export const powerCuts = async (print: (what: string, figure: string) => void): Promise<boolean> => {
  if (!canBoot) {
    print("power cuts", "not made: user-mode-linux and can-utils are needed");
    return false;
  }
  const outcome = await cutPower(CUTS, createRandom(200), (line) => print("power cuts", line));
  print("power cuts", JSON.stringify(outcome));
  return (
    outcome.missing.length === 0 &&
    outcome.usedTwice === 0 &&
    outcome.presses >= outcome.stored &&
    outcome.stored > 0
  );
};
