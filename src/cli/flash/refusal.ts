import { byHand } from "../../../firmware-bridge/avrdude.ts";
import { releasedLoader } from "../../../firmware-bridge/image.ts";
import type { UpdateError } from "../../../firmware-bridge/update-error.ts";
import { EXIT } from "../lib/command.ts";

/** Why the board was not programmed. `hints`: what to do, a line each. */
export type Refusal = {
  readonly code: UpdateError["code"] | "emergency" | "image";
  readonly error: string;
  readonly exit: number;
  readonly hints: readonly string[];
};

export const refusal = (
  code: Refusal["code"],
  error: string,
  exit: number = EXIT.failed,
  hints: readonly string[] = [],
): Refusal => ({ code, error, exit, hints });

/** The commands that stop the service, repeat a command, and start the service. */
export const stopFirst = (again: string): readonly string[] => [
  "  systemctl stop patrol-unit",
  `  ${again}`,
  "  systemctl start patrol-unit",
];

const EXITS: Readonly<Partial<Record<UpdateError["code"], number>>> = {
  silent: EXIT.unavailable,
  "in-use": EXIT.unavailable,
};

/** What a failed update means for the technician. */
export const failed = (
  { code, message }: UpdateError,
  port: string,
  firmware: string,
  again: string,
): Refusal => {
  const exit = EXITS[code] ?? EXIT.failed;
  if (code === "no-loader" || code === "old-loader" || code === "no-start")
    return refusal(code, message, exit, byHand(code, port, { firmware, loader: releasedLoader() }));
  if (code === "in-use") return refusal(code, message, exit, ["If it is the service:", ...stopFirst(again)]);
  return refusal(code, message, exit);
};
