import type { Store } from "../../bundle/store.ts";
import { trialOf } from "../../bundle/trial.ts";
import type { InstalledSnapshot } from "../../domain/snapshot.ts";

/** What is installed on a root, for the unit's page. `trialS`: of the configuration in force. */
export const installedOn = async (
  store: Pick<Store, "disk" | "state" | "about">,
  trialS: number,
): Promise<InstalledSnapshot> => {
  const [disk, state] = await Promise.all([store.disk(), store.state()]);
  const { current: version } = disk;
  const trial = trialOf(disk, state);
  const previous = trial?.previous ?? disk.previous;
  const about = version === undefined ? undefined : await store.about(version);
  return {
    ...(version === undefined ? {} : { version }),
    ...(previous === undefined ? {} : { previous }),
    ...(about ? { signer: about.signer } : {}),
    ...(trial ? { trial: { countedS: Math.floor(trial.countedMs / 1_000), trialS } } : {}),
  };
};
