import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ASK_FIRMWARE_NAME, firmwareNames, isOurName } from "../../../firmware-bridge/firmware-name.ts";
import { createNmeaDecoder } from "../../decode/nmea/decoder.ts";
import type { Time } from "../../runtime/ports.ts";
import { openFault, openTty, type Tty } from "../../runtime/tty.ts";
import { pause } from "../../runtime/wait.ts";

/** Finds out what is on a serial line: each device is listened to at the usual rates until it speaks. */

export const BY_ID = "/dev/serial/by-id";
/** Rates of receivers (9600 is the standard's successor of 4800, 115200 and 38400 are common) and of our board. */
const RATES = [9600, 38_400, 57_600, 115_200, 4800] as const;
/** Firmware 1.4 and newer, and older ones and StandardFirmata. */
const FIRMATA_RATES: ReadonlySet<number> = new Set([38_400, 57_600]);
const MAX_DEVICES = 16;
/** A receiver sends each second. */
const LISTEN_MS = 2_200;
/** Opening the line resets most boards: they answer after their boot loader has ended. */
const BOARD_MS = 4_000;
const ASK_MS = 500;
/** So many valid sentences are no accident. */
const ENOUGH = 2;
const MAX_HEARD = 65_536;

export type Heard =
  | {
      readonly kind: "nmea";
      readonly baud: number;
      /** Such as GP, GN: the satellites that the receiver uses. */
      readonly talkers: readonly string[];
      /** Sentences in a second, rounded. */
      readonly perSecond: number;
      readonly fix: string;
    }
  | { readonly kind: "board"; readonly baud: number; readonly firmware: string; readonly ours: boolean }
  | { readonly kind: "silent" }
  | { readonly kind: "closed"; readonly says: string };
export type Device = { readonly path: string; readonly heard: Heard };

/** The serial devices in a folder, by name. */
export const serialDevices = (folder: string): string[] => {
  try {
    return readdirSync(folder)
      .toSorted()
      .slice(0, MAX_DEVICES)
      .map((name) => join(folder, name));
  } catch {
    return []; // without a serial device there is no such folder
  }
};

/** What bytes from a line at a rate say: NMEA 0183, a Firmata board, or nothing yet. `ms`: how long it was listened. */
export const understand = (bytes: Uint8Array, baud: number, ms: number): Heard | undefined => {
  const talkers = new Set<string>();
  let fix = "none";
  const decoder = createNmeaDecoder((found) => (fix = found.fix), {
    sentence: ({ talker }) => void talkers.add(talker),
  });
  decoder.push(bytes);
  decoder.end();
  const { sentences } = decoder.tally;
  if (sentences >= ENOUGH)
    return {
      kind: "nmea",
      baud,
      talkers: [...talkers].toSorted(),
      perSecond: Math.round((sentences * 1000) / ms),
      fix,
    };
  const [firmware] = FIRMATA_RATES.has(baud) ? firmwareNames(bytes) : [];
  return firmware === undefined ? undefined : { kind: "board", baud, firmware, ours: isOurName(firmware) };
};

/** Reads what comes, until the line ends. */
class Listening {
  #heard: Uint8Array = new Uint8Array(0);

  constructor(line: Tty) {
    void this.#read(line);
  }

  get heard(): Uint8Array {
    return this.#heard;
  }

  async #read(line: Tty): Promise<void> {
    try {
      // oxlint-disable-next-line no-await-in-loop -- a serial line is read in order
      for (let bytes = await line.read(); bytes; bytes = await line.read())
        this.#heard = Buffer.concat([this.#heard, bytes]).subarray(-MAX_HEARD);
    } catch {
      // The device has gone: what was heard before counts.
    }
  }
}

const ask = (line: Tty): void => {
  try {
    line.write(ASK_FIRMWARE_NAME);
  } catch {
    // A device that does not take it is no board.
  }
};

const listenAt = async (path: string, baud: number, time: Time): Promise<Heard | undefined> => {
  const line = await openTty(path, baud, { keepDtr: true });
  const patience = new AbortController();
  const listening = new Listening(line);
  const isBoards = FIRMATA_RATES.has(baud);
  const begun = time.mono();
  const whole = isBoards ? BOARD_MS : LISTEN_MS;
  try {
    while (time.mono() - begun < whole) {
      if (isBoards) ask(line);
      // oxlint-disable-next-line no-await-in-loop -- until it speaks, or has had its time
      await pause(ASK_MS, patience.signal, time);
      const found = understand(listening.heard, baud, time.mono() - begun);
      // A receiver is listened to for its whole time, to count its sentences.
      if (found?.kind === "board") return found;
    }
    return understand(listening.heard, baud, time.mono() - begun);
  } finally {
    await line.close();
  }
};

/** Listens to one device at each rate until it speaks. Does not reject. */
export const listenTo = async (path: string, time: Time): Promise<Device> => {
  for (const baud of RATES) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one rate after the other
      const heard = await listenAt(path, baud, time);
      if (heard) return { path, heard };
    } catch (cause) {
      return { path, heard: { kind: "closed", says: openFault(path, "device", cause).message } };
    }
  }
  return { path, heard: { kind: "silent" } };
};

/** A device in one line, for a technician. */
export const deviceText = ({ path, heard }: Device): string => {
  switch (heard.kind) {
    case "nmea": {
      const talkers = heard.talkers.join(", ");
      return `${path}: a receiver, ${heard.baud} baud, talker ${talkers}, ${heard.perSecond} sentences a second, fix ${heard.fix}`;
    }
    case "board":
      return `${path}: ${heard.ours ? "our panic board" : "another Firmata board"}, ${heard.firmware}, ${heard.baud} baud`;
    case "silent":
      return `${path}: says nothing at ${RATES.join(", ")} baud`;
    case "closed":
      return heard.says;
  }
};
