import { unitName } from "../../domain/identity.ts";
import { pendingUnderOther, renameWords } from "../../outbox/other-name.ts";
import type { SettingsFault } from "../../settings/fault.ts";
import { documentOf, type ConfigSource, type Loaded } from "../../settings/load.ts";

/**
 * The fault that `run` would report if the configured name differs from the one under which reports are pending. Empty
 * if the outbox cannot be read: `doctor` reports that.
 */
export const renameFaults = async (
  source: ConfigSource,
  { settings }: Pick<Loaded, "settings">,
): Promise<readonly SettingsFault[]> => {
  const name = unitName(settings.unit);
  const other = await pendingUnderOther(settings.outbox.path, name).catch(() => undefined);
  if (!other) return [];
  const place = documentOf(source).placeOf(["unit"]);
  const words = renameWords(other.before, name, other.pending);
  return [{ ...place, path: "unit", code: "invalid", ...words, part: "identity", fatal: true }];
};
