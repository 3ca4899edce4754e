import type { SignalValue } from "../../domain/can.ts";
import type { DbcSignal } from "../dbc/database.ts";

/** Reads one signal from the bytes of a frame. Undefined: the frame is too short for it. */
export type ReadSignal<T> = (data: Uint8Array) => T | undefined;

/** The whole bytes that a signal's bits lie in; the lowest `shift` bits of them belong to others. */
type Place = { readonly from: number; readonly bytes: number; readonly shift: number };

const placeOf = ({ start, length, intel }: Pick<DbcSignal, "start" | "length" | "intel">): Place => {
  if (intel) {
    const from = start >> 3;
    return { from, bytes: ((start + length - 1) >> 3) - from + 1, shift: start & 7 };
  }
  // Motorola: `start` is the highest bit. The others follow towards lower bits, then in the next byte.
  const from = start >> 3;
  const last = 7 - (start & 7) + length - 1;
  return { from, bytes: (last >> 3) + 1, shift: 7 - (last & 7) };
};

/** Up to four bytes: 32-bit arithmetic. */
const readShort = ({ from, bytes, shift }: Place, length: number, intel: boolean): ReadSignal<number> => {
  const mask = length === 32 ? 0xffff_ffff : (1 << length) - 1;
  const end = from + bytes;
  const at = (index: number) => (intel ? from + index : end - 1 - index);
  const [b0, b1, b2, b3] = [at(0), at(1), at(2), at(3)];
  switch (bytes) {
    case 1:
      return (d) => (d.length < end ? undefined : (d[b0]! >>> shift) & mask);
    case 2:
      return (d) => (d.length < end ? undefined : ((d[b0]! | (d[b1]! << 8)) >>> shift) & mask);
    case 3:
      return (d) =>
        d.length < end ? undefined : ((d[b0]! | (d[b1]! << 8) | (d[b2]! << 16)) >>> shift) & mask;
    default:
      return (d) =>
        d.length < end
          ? undefined
          : (((d[b0]! | (d[b1]! << 8) | (d[b2]! << 16) | (d[b3]! << 24)) >>> shift) & mask) >>> 0;
  }
};

/** Up to six bytes: exact in a double. */
const readMiddle = ({ from, bytes, shift }: Place, length: number, intel: boolean): ReadSignal<number> => {
  const end = from + bytes;
  const below = 2 ** shift;
  const above = 2 ** length;
  return (d) => {
    if (d.length < end) return undefined;
    let value = 0;
    for (let i = 0; i < bytes; i++) value = value * 256 + d[intel ? end - 1 - i : from + i]!;
    return Math.floor(value / below) % above;
  };
};

const readLong = ({ from, bytes, shift }: Place, length: number, intel: boolean): ReadSignal<bigint> => {
  const end = from + bytes;
  const below = BigInt(shift);
  return (d) => {
    if (d.length < end) return undefined;
    let value = 0n;
    for (let i = 0; i < bytes; i++) value = (value << 8n) | BigInt(d[intel ? end - 1 - i : from + i]!);
    return BigInt.asUintN(length, value >> below);
  };
};

const readUnsigned = (signal: DbcSignal): ReadSignal<SignalValue> => {
  const place = placeOf(signal);
  if (place.bytes <= 4) return readShort(place, signal.length, signal.intel);
  if (place.bytes <= 6) return readMiddle(place, signal.length, signal.intel);
  const read = readLong(place, signal.length, signal.intel);
  return signal.length > 53
    ? read
    : (d) => {
        const value = read(d);
        return value === undefined ? undefined : Number(value);
      };
};

const asSigned = (read: ReadSignal<SignalValue>, length: number): ReadSignal<SignalValue> => {
  if (length > 53) {
    return (d) => {
      const value = read(d);
      return value === undefined ? undefined : BigInt.asIntN(length, value as bigint);
    };
  }
  const half = 2 ** (length - 1);
  const whole = 2 ** length;
  return (d) => {
    const value = read(d) as number | undefined;
    return value === undefined || value < half ? value : value - whole;
  };
};

/** The bits as an IEEE 754 number. NaN and infinity are not values. */
const asFloat = (read: ReadSignal<SignalValue>, bits: 32 | 64): ReadSignal<SignalValue> => {
  const view = new DataView(new ArrayBuffer(8));
  return (d) => {
    const value = read(d);
    if (value === undefined) return undefined;
    if (bits === 32) view.setUint32(0, Number(value));
    else view.setBigUint64(0, BigInt(value));
    const number = bits === 32 ? view.getFloat32(0) : view.getFloat64(0);
    return Number.isFinite(number) ? number : undefined;
  };
};

/** Compiles the reading of a signal's raw value. */
export const compileRaw = (signal: DbcSignal): ReadSignal<SignalValue> => {
  const read = readUnsigned(signal);
  if (signal.float !== 0) return asFloat(read, signal.float);
  return signal.signed ? asSigned(read, signal.length) : read;
};

/** An integer, even if it is written as 2.0. */
const INTEGER = /^([+-]?\d+)(?:\.0*)?$/;
const exactly = (written: string): bigint => BigInt(INTEGER.exec(written)![1]!);

/** An integer as a number if that is exact. */
const narrow = (value: bigint): SignalValue => {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
};

/** Raw to physical: exact for integers of any size, a double if factor or offset has a fraction. */
export const compileScale = ({ factor, offset, scale }: DbcSignal): ((raw: SignalValue) => SignalValue) => {
  if (factor === 1 && offset === 0) return (raw) => (typeof raw === "bigint" ? narrow(raw) : raw);
  const exact = INTEGER.test(scale.factor) && INTEGER.test(scale.offset);
  if (!exact) return (raw) => Number(raw) * factor + offset;
  const bigFactor = exactly(scale.factor);
  const bigOffset = exactly(scale.offset);
  return (raw) => {
    if (typeof raw === "number") {
      const value = raw * factor + offset;
      if (Number.isSafeInteger(value) || !Number.isInteger(raw)) return value;
    }
    return narrow(BigInt(raw) * bigFactor + bigOffset);
  };
};

/** SAE J1939-71 §5.1.4: the highest codes of an unsigned parameter mean that there is no value. */
export const isUnavailable = ({ signed, float, length }: DbcSignal, raw: SignalValue): boolean => {
  if (signed || float !== 0 || length < 2) return false;
  if (length < 8) return BigInt(raw) >= 2n ** BigInt(length) - 2n;
  // From 8 bits on the highest byte decides: FE is an error, FF is not available.
  return BigInt(raw) >> BigInt(length - 8) >= 0xfen;
};
