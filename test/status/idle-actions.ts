import { aSnapshot } from "./a-snapshot.ts";

/** What a unit does for its page when nothing happens: each action succeeds and changes nothing. */
export const IDLE_ACTIONS = {
  status: () => Promise.resolve(aSnapshot()),
  lamp: () => ({ t: 1, lamp: "idle", drill: false }),
  lampChanged: () => undefined,
  drill: () => undefined,
  disarm: () => undefined,
  lend: () => Promise.resolve(undefined),
  takeBack: () => undefined,
  commissioned: () => Promise.resolve(undefined),
  list: {
    begin: () => Promise.resolve(undefined),
    step: () => undefined,
    leave: () => undefined,
    page: () => Promise.resolve(undefined),
  },
};
