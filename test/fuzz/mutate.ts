import type { Dice } from "../simulation/random.ts";

/** Random changes of an input. Pure. */

const MOST_BYTES = 4_096;
const MOST_CHANGES = 5;
const LONGEST_SPAN = 64;
const BITS = 8;
const BYTE = 256;
/** Where parsers have their limits. */
const BYTES = [0, 1, 9, 10, 13, 32, 0x22, 0x2c, 0x3a, 0x7b, 0x7f, 0x80, 0xf0, 0xf7, 0xff];
const NUMBERS = ["-1", "0", "00", "1e999", "65536", "4294967296", "9007199254740993", "-0", "NaN", ".5"];

/** What another input or a word can be taken from. `words`: of the language of the surface. */
export type Material = { readonly corpus: readonly Buffer[]; readonly words: readonly string[] };

const replaced = (bytes: Buffer, at: number, length: number, by: Buffer): Buffer =>
  Buffer.concat([bytes.subarray(0, at), by, bytes.subarray(at + length)]);

const changed = (bytes: Buffer, dice: Dice, { corpus, words }: Material): Buffer => {
  const at = dice.int(0, bytes.length);
  const span = dice.int(1, LONGEST_SPAN);
  const of = (text: string) => Buffer.from(text);
  const changes: readonly (() => Buffer)[] = [
    () => replaced(bytes, at, 1, Buffer.from([(bytes[at] ?? 0) ^ (1 << dice.int(0, BITS - 1))])),
    () => replaced(bytes, at, 1, Buffer.from([dice.int(0, BYTE - 1)])),
    () => replaced(bytes, at, dice.int(0, 1), Buffer.from([dice.pick(BYTES)])),
    () => replaced(bytes, at, span, Buffer.alloc(0)),
    () => replaced(bytes, at, 0, bytes.subarray(at, at + span)),
    () => replaced(bytes, at, dice.int(0, span), of(dice.pick(words))),
    () => replaced(bytes, at, dice.int(0, 4), of(dice.pick(NUMBERS))),
    () => Buffer.concat([bytes.subarray(0, at), dice.pick(corpus).subarray(dice.int(0, at))]),
  ];
  return dice.pick(changes)();
};

/** One of the corpus with a few changes. */
export const mutate = (dice: Dice, material: Material): Buffer => {
  let bytes = dice.pick(material.corpus);
  for (let n = dice.int(1, MOST_CHANGES); n > 0; n--) bytes = changed(bytes, dice, material);
  return bytes.subarray(0, MOST_BYTES);
};
