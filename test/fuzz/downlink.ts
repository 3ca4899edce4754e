import { generateKeyPairSync } from "node:crypto";
import { decide } from "../../src/commands/commands.ts";
import { judge } from "../../src/custody/custody.ts";
import { AckMessage } from "../../src/domain/messages.ts";
import { readJson } from "../../src/wire/read.ts";
import { openSigned, signedBy, trustedKeys } from "../../src/wire/signed.ts";

const NOW = { at: Date.UTC(2026, 10, 22, 8, 59), clock: "gnss", mono: 60_000 } as const;
const KNOWN = [undefined, 3].map((unsent) => ({
  store: "k3v9q0ab",
  next: 20,
  unsent: () => unsent,
  coveredAt: NOW.at - 60_000,
  now: NOW,
  behindMs: undefined,
  earlierBehindMs: 0,
  waitedMs: 0,
}));
const TOPIC = "patrol/v1/zrenjanin/zr-117/command";
const BYTES = 16_384;

/** What dispatch says to a unit. The first byte selects the kind of message. */
export const openDownlink = async (): Promise<(input: Buffer) => void> => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const keys = trustedKeys([publicKey.export({ type: "spki", format: "der" }).toString("base64")]);
  const sign = signedBy(privateKey);
  return (input) => {
    const body = input.subarray(1);
    const value = readJson(body, BYTES);
    const held = { payload: body.toString("base64") };
    AckMessage.safeParse(value);
    decide({ done: [], held: [] }, { value, held }, ["ping", "drill"], NOW);
    if (openSigned(keys, TOPIC, body).kind === "valid") throw new Error("what nobody has signed counts");
    if (typeof value !== "object" || value === null || Array.isArray(value)) return;
    const size = JSON.stringify(value).length;
    if (openSigned(keys, TOPIC, sign(TOPIC, value)).kind !== "valid" && size < BYTES)
      throw new Error("what dispatch has signed does not count");
    for (const known of KNOWN) judge({ proven: false, silentMs: 0 }, value, known);
  };
};
