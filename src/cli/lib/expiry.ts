import { createPrivateKey, X509Certificate } from "node:crypto";
import { unitName } from "../../domain/identity.ts";
import type { EventData } from "../../domain/report.ts";
import { readNamedFile, TEXT_BYTES } from "../../settings/files.ts";
import { readRegular } from "../../runtime/regular-file.ts";
import type { UnitSettings } from "../../settings/load.ts";

/** Tells dispatch in time that the unit's certificate is about to expire. */

const DAY_MS = 86_400_000;
/** From so many days before it expires. */
const WARN_DAYS = 30;

/** The first certificate in a file. Undefined: it cannot be read. */
export const certificateAt = (cert: string | undefined): X509Certificate | undefined => {
  // It is read while the unit runs: a pipe would keep the whole process waiting.
  const read = cert === undefined ? undefined : readNamedFile(cert, TEXT_BYTES);
  if (!read || !("bytes" in read)) return undefined;
  try {
    return new X509Certificate(read.bytes);
  } catch {
    return undefined;
  }
};

/** When the certificate in a file expires, UTC milliseconds. Undefined: it cannot be read. */
export const expiryOf = (cert: string | undefined): number | undefined =>
  certificateAt(cert)?.validToDate.getTime();

/** The file may be replaced while the unit runs. It is read at most this often. */
const READ_MS = 60_000;

/**
 * Says when the certificate in a file expires, UTC milliseconds. Undefined: it could never be read. While it cannot be
 * read, the certificate before counts: the link goes on with that one too. `mono`: milliseconds that never jump.
 */
export const watchExpiry = (cert: string | undefined, mono: () => number): (() => number | undefined) => {
  let last: number | undefined;
  let readAt = -Infinity;
  return () => {
    const now = mono();
    if (now - readAt < READ_MS) return last;
    readAt = now;
    last = expiryOf(cert) ?? last;
    return last;
  };
};

/** Whole days until a certificate expires; negative: since. */
export const daysUntil = (expiresAt: number, now: number): number => Math.floor((expiresAt - now) / DAY_MS);

/** A fresh request for the key in use. Undefined: it is not one that this unit made. */
const requestFor = async (unit: string, key: string): Promise<string | undefined> => {
  try {
    const { isUnitKey, makeRequest } = await import("../../bundle/request.ts");
    const secret = createPrivateKey(readRegular(key));
    return isUnitKey(secret) ? makeRequest(unit, secret) : undefined;
  } catch {
    return undefined;
  }
};

/** Reminds at most once a day, for as long as the process lives. */
export class ExpiryReminder {
  #remindedAt = -Infinity;

  /** The event that is due. `now`: UTC milliseconds; `mono`: milliseconds that never jump. */
  async due(
    { unit, dispatch }: Pick<UnitSettings, "unit" | "dispatch">,
    now: number | undefined,
    mono: number,
  ): Promise<EventData | undefined> {
    const expiresAt = expiryOf(dispatch.cert);
    if (now === undefined || expiresAt === undefined || mono - this.#remindedAt < DAY_MS) return undefined;
    const days = daysUntil(expiresAt, now);
    if (days >= WARN_DAYS) return undefined;
    this.#remindedAt = mono;
    const request = dispatch.key === undefined ? undefined : await requestFor(unitName(unit), dispatch.key);
    return {
      type: "certificate",
      expiresAt: new Date(expiresAt).toISOString(),
      days,
      ...(request === undefined ? {} : { request }),
    };
  }
}
