import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { trustedIn } from "../../bundle/install.ts";
import type { Files } from "../../bundle/port.ts";
import { reasonOf, type Log } from "../../runtime/log.ts";
import { systemTime } from "../../runtime/time.ts";
import { unitName } from "../../domain/identity.ts";
import type { UnitSettings } from "../../settings/load.ts";
import type { Root } from "../../settings/root.ts";
import type { Unit } from "../../unit/start.ts";
import type { Answer as AnswerOfRoot } from "../../update/receive.ts";
import { architectureOf } from "../../update/release.ts";
import { Versions } from "../../update/versions.ts";
import { eachSecond } from "./each-second.ts";
import { installedAt, RELEASE_TRUST } from "./release.ts";

/** Releases that come over the link, on this machine. */

/** What patrol-unit-install.service answers. */
const ANSWER = "/run/patrol-unit-install/result";

export type Way = {
  readonly unit: Unit;
  readonly settings: UnitSettings;
  readonly root: Root;
  readonly files: Files;
  readonly log: Log;
  readonly signal: AbortSignal;
};

/** The authorities of a server that has packages: the public ones, and that of dispatch's brokers. */
const authorities = (ca: string | undefined): readonly string[] => [
  ...rootCertificates,
  ...(ca === undefined ? [] : [readFileSync(ca, "utf8")]),
];

// Loaded when the first release comes: most starts see none.
const receiverOf = async ({ unit, settings, root, files, log, signal }: Way) => {
  const [{ ReleaseReceiver, Answer }, { Tray }, { download }, { sha256Of }] = await Promise.all([
    import("../../update/receive.ts"),
    import("../../update/tray.ts"),
    import("../../update/download.ts"),
    import("../../update/install.ts"),
  ]);
  const installed = installedAt(process.execPath);
  const answer = async (): Promise<AnswerOfRoot | undefined> => {
    const said = (await files.read(ANSWER))?.toString("utf8") ?? "";
    return said === "" ? undefined : Answer.parse(JSON.parse(said));
  };
  return new ReleaseReceiver({
    unit: unitName(settings.unit),
    architecture: architectureOf(process.arch),
    versions: installed && new Versions(installed.dir, files),
    trusted: () => trustedIn(RELEASE_TRUST, files),
    car: () => ({ now: unit.now(), emergency: unit.inEmergency(), onBattery: unit.onBattery() }),
    tray: new Tray(root.release, files),
    fetch: (what) => download({ ...what, ca: authorities(settings.dispatch.ca) }),
    sha256Of,
    answer,
    async announce(event) {
      unit.announce(event);
      await unit.written();
    },
    time: systemTime,
    log,
    signal,
  });
};

/** Takes releases while a unit runs. `ended` resolves after the signal. */
export const takeReleases = (way: Way): { offer(bytes: Buffer): void; readonly ended: Promise<void> } => {
  let offered: Buffer | undefined;
  let receiver: Awaited<ReturnType<typeof receiverOf>> | undefined;
  const look = async (): Promise<void> => {
    if (offered === undefined) return;
    if (!receiver) {
      receiver = await receiverOf(way);
      receiver.offer(offered);
    }
    await receiver.look();
  };
  const ended = eachSecond(look, way.signal, (cause) =>
    way.log.error("releases cannot be taken", { cause: reasonOf(cause) }),
  );
  return {
    offer(bytes) {
      offered = bytes.length === 0 ? undefined : bytes;
      receiver?.offer(bytes);
    },
    ended,
  };
};
