import { SourceError, type ByteSource } from "../../src/domain/bytes.ts";
import { ZRENJANIN } from "../../src/demo/route.ts";
import { driveRoute } from "../../src/demo/receiver.ts";
import { formatSentence } from "../../src/decode/nmea/sentence.ts";
import type { Time } from "../../src/runtime/ports.ts";
import { Queue } from "./queue.ts";
import type { Dice } from "./random.ts";

/** What can be wrong with a receiver; changed while it runs. */
export type GpsFaults = {
  /** The device is there and says nothing. */
  silent: boolean;
  /** The device is not there. */
  absent: boolean;
  /** Bytes that are no NMEA come in between. */
  garbage: boolean;
  /** How likely a sentence loses its end. */
  torn: number;
  /** It tells no position. */
  noFix: boolean;
  /** Milliseconds that its time is wrong by. */
  wrongByMs: number;
  /** Degrees that its position is wrong by. */
  jumpDegrees: number;
};

const soundGps = (): GpsFaults => ({
  silent: false,
  absent: false,
  garbage: false,
  torn: 0,
  noFix: false,
  wrongByMs: 0,
  jumpDegrees: 0,
});

/** Dates that receivers have sent: a week rollover, before the first satellite, five digits, none. */
export const WILD_DATES = [
  "GPZDA,120000.00,11,04,20266,00,00",
  "GPZDA,120000.00,06,01,1980,00,00",
  "GPZDA,120000.00,30,02,2026,00,00",
  "GPZDA,120000.00,22,08,2099,00,00",
  "GPRMC,120000.00,A,4523.00000,N,02023.00000,E,0.0,,000000,,,A",
  "GPRMC,120000.00,A,4523.00000,N,02023.00000,E,0.0,,060180,,,A",
] as const;

const EPOCH_MS = 1_000;

export type GpsCar = {
  /** The true time at the beginning, UTC milliseconds. */
  readonly at: number;
  /** Whether the car stands now. */
  readonly standing: () => boolean;
};

/** A receiver that is driven along a route, one epoch a second, while the car moves. */
export class Gps {
  readonly faults = soundGps();
  readonly #dice: Dice;
  readonly #queue = new Queue<Uint8Array>();
  readonly #startAt: number;
  readonly #standing: () => boolean;
  /** Where the car stands: latitude and longitude as the receiver writes them. */
  #place: readonly string[] | undefined;
  #drive: Generator<string>;
  #shift = 0;

  constructor(time: Time, dice: Dice, { at, standing }: GpsCar) {
    this.#dice = dice;
    this.#standing = standing;
    this.#startAt = at + time.mono();
    this.#drive = this.#driveFrom(this.#startAt);
    time.every(EPOCH_MS, () => this.#epoch(time.mono()));
  }

  #driveFrom(at: number): Generator<string> {
    return driveRoute(ZRENJANIN, at, this.#dice.int(1, 1_000_000));
  }

  /** The port: bytes as they come. */
  readonly source: ByteSource = (signal) => this.#open(signal);

  async *#open(signal: AbortSignal): AsyncGenerator<Uint8Array> {
    if (this.faults.absent) throw new SourceError("absent", "the receiver is not there");
    yield* this.#queue.read(signal);
  }

  /** One sentence out of turn, without `$` and checksum. */
  say(body: string): void {
    this.#send(formatSentence(body));
  }

  unplug(): void {
    this.faults.absent = true;
    this.#queue.fail(new SourceError("unplugged", "the receiver was unplugged"));
  }

  /** The reader's process stands still, or goes on. */
  hold(held: boolean): void {
    this.#queue.hold(held);
  }

  processGone(): void {
    this.#queue.processGone();
  }

  #epoch(now: number): void {
    const { faults } = this;
    if (this.#shift !== faults.wrongByMs) {
      // A time that jumps: the route begins anew with it.
      this.#shift = faults.wrongByMs;
      this.#drive = this.#driveFrom(this.#startAt + now + this.#shift);
    }
    const text = this.#still(this.#drive.next().value as string);
    if (faults.absent || faults.silent) return;
    if (faults.garbage) this.#send(this.#rubbish());
    if (faults.noFix) this.#send(formatSentence("GPRMC,,V,,,,,,,,,,N"));
    else this.#send(faults.jumpDegrees === 0 ? text : jump(text, faults.jumpDegrees));
  }

  /** While the car stands, the receiver says the same place. */
  #still(text: string): string {
    if (!this.#standing()) {
      this.#place = undefined;
      return text;
    }
    return bodiesOf(text)
      .map((body) => {
        const fields = body.split(",");
        const at = PLACE_AT[fields[0]!];
        if (at === undefined || fields[at] === "") return formatSentence(body);
        this.#place ??= fields.slice(at, at + 4);
        fields.splice(at, 4, ...this.#place);
        if (fields[0] === "GPRMC") fields.splice(SPEED_AT, 2, "0.00", "");
        return formatSentence(fields.join(","));
      })
      .join("");
  }

  #rubbish(): string {
    return Array.from({ length: this.#dice.int(1, 80) }, () =>
      String.fromCodePoint(this.#dice.int(0, 255)),
    ).join("");
  }

  #send(text: string): void {
    const cut = this.#dice.chance(this.faults.torn) ? text.slice(0, this.#dice.int(1, text.length)) : text;
    this.#queue.push(Buffer.from(cut, "latin1"));
  }
}

/** Field of the latitude, by sentence; and of speed and course in RMC. */
const PLACE_AT: Readonly<Record<string, number>> = { GPRMC: 3, GPGGA: 2 };
const SPEED_AT = 7;

const bodiesOf = (text: string): string[] =>
  text
    .split("\r\n")
    .filter((line) => line !== "")
    .map((line) => line.slice(1, line.indexOf("*")));

/** Moves the latitudes of some sentences by whole degrees, and corrects their checksums. */
const jump = (text: string, degrees: number): string =>
  bodiesOf(text)
    .map((body) => {
      const moved = body.replace(
        /,(\d\d)(\d\d\.\d+),([NS]),/,
        (_, whole: string, minutes: string, side: string) => {
          const shifted = Math.min(89, Math.max(0, Number(whole) + degrees));
          return `,${String(shifted).padStart(2, "0")}${minutes},${side},`;
        },
      );
      return formatSentence(moved);
    })
    .join("");
