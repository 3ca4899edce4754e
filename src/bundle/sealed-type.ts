import * as z from "zod";

const Header = z.object({ typ: z.string() });
/** A header has some 150 bytes. */
const MAX_HEADER = 1_024;

/** The type that the header of a JWS names, without a check of anything. Undefined: it names none. */
export const sealedType = (bytes: Buffer): string | undefined => {
  const end = bytes.subarray(0, MAX_HEADER).indexOf(".");
  try {
    const header: unknown = JSON.parse(
      Buffer.from(bytes.toString("latin1", 0, Math.max(0, end)), "base64url").toString("utf8"),
    );
    return Header.safeParse(header).data?.typ;
  } catch {
    return undefined;
  }
};
