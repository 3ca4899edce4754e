import { PAGE_BYTES, type FirmwareImage, type Page } from "./firmware-image.ts";
import type { UpdateState } from "./protocol.ts";

/** What an update does to a board, in order, so that it can be cut at any moment. Pure. */

/** `optiboot`: version 7 or newer. */
export type Loader = "ours" | "optiboot";

export type Step = { readonly do: "write" | "verify"; readonly page: Page };

/**
 * The first page of a board whose update is not complete, for Optiboot: it starts whatever is there, so this goes
 * back to it. CLR R24; OUT MCUSR, R24; JMP 0x7E00: with MCUSR 0 Optiboot waits for a host.
 */
const STUB = Uint8Array.of(0x88, 0x27, 0x84, 0xbf, 0x0c, 0x94, 0x00, 0x3f);

const stubPage = (): Page => {
  const bytes = new Uint8Array(PAGE_BYTES).fill(0xff);
  bytes.set(STUB);
  return { at: 0, bytes };
};

const writing = (page: Page): Step => ({ do: "write", page });
const verifying = (page: Page): Step => ({ do: "verify", page });

/**
 * One page decides whether the board starts the firmware. It is written last, when all others are verified: the
 * seal for our loader, which removes it before the first write; page 0 for Optiboot.
 */
export const planUpdate = ({ pages, seal }: FirmwareImage, loader: Loader): readonly Step[] => {
  const isOurs = loader === "ours";
  const others = isOurs ? pages : [...pages.slice(1), seal];
  const last = isOurs ? [seal] : pages.slice(0, 1);
  return [
    ...(isOurs ? [] : [writing(stubPage())]),
    ...others.map(writing),
    ...others.map(verifying),
    ...last.map(writing),
    ...last.map(verifying),
  ];
};

/** Why a board does not start its boot loader, and what to do. */
export const REFUSALS: Readonly<Record<Exclude<UpdateState, "ready" | "starting">, string>> = {
  "press-pending": "a press is pending: let the service run until it has received it",
  "loop-pressed":
    "a button is pressed, or a loop has looked so since the board started: release it, or wait a minute",
  emergency: "an emergency is open: wait until dispatch has ended it",
  "no-loader": "it has no boot loader: program it once through ICSP (firmware-bridge/PROTOCOL.md)",
};
