import { createPrivateKey } from "node:crypto";
import { seal } from "../../src/bundle/envelope.ts";
import { Content } from "../../src/bundle/format.ts";
import { generateKeys, trustedKey } from "../../src/bundle/keys.ts";

/** A key pair: the private key, and the public one as a unit trusts it. */
export const keyPair = async (name = "hq") => {
  const { privatePem, publicPem } = generateKeys(undefined);
  return { key: createPrivateKey(privatePem), publicPem, trusted: await trustedKey(name, publicPem) };
};

export const CONFIG = `unit: { directorate: zrenjanin, id: zr-117 }
gps: { port: /dev/ttyACM0 }
panic: none
dispatch: { brokers: ["mqtts://dispatch-a:8883"] }
`;

/** A content that a unit takes; `parts` replaces its keys. */
export const contentWith = (parts: Partial<Content> = {}): Content =>
  Content.parse({
    v: 1,
    type: "config",
    for: "zrenjanin/zr-117",
    version: 7,
    files: [{ name: "patrol-unit.yaml", text: CONFIG }],
    ...parts,
  });

export const sealed = async (
  key: Parameters<typeof seal>[1],
  parts: Partial<Content> = {},
): Promise<Buffer> => seal(contentWith(parts), key);
