import { hostOf, withoutSecrets } from "../domain/address.ts";
import { LinkError } from "./port.ts";

/** Where a broker listens. */
export type BrokerAddress = {
  readonly secure: boolean;
  readonly host: string;
  readonly port: number;
};

const DEFAULT_PORT = { "mqtt:": 1883, "mqtts:": 8883 } as const;

/** Parses `mqtt://host:port` or `mqtts://host:port`, and nothing more. Throws LinkError. */
export const brokerAddress = (url: string): BrokerAddress => {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  const scheme = parsed?.protocol;
  const isPlain = /^\w+:\/\/[^/@?#\\]+\/?$/.test(url);
  if (!parsed || !isPlain || (scheme !== "mqtt:" && scheme !== "mqtts:"))
    throw new LinkError("failed", `${withoutSecrets(url)}: expected mqtt://host:port or mqtts://host:port`);
  const port = parsed.port === "" ? DEFAULT_PORT[scheme] : Number(parsed.port);
  return { secure: scheme === "mqtts:", host: hostOf(parsed), port };
};
