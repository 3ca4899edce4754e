/** Words of program memory of an ATmega328P. */
const FLASH_WORDS = 0x4000;

/** Types of records. The start addresses (3 and 5) are for debuggers: a chip starts at its reset vector. */
const DATA = 0;
const END = 1;
const SEGMENT = 2;
const START_SEGMENT = 3;
const LINEAR = 4;
const START_LINEAR = 5;
const LENGTHS: Record<number, number> = {
  [END]: 0,
  [SEGMENT]: 2,
  [START_SEGMENT]: 4,
  [LINEAR]: 2,
  [START_LINEAR]: 4,
};

/** Program memory without a program. */
export const erasedFlash = (): Uint16Array => new Uint16Array(FLASH_WORDS).fill(0xffff);

/**
 * Reads an Intel HEX image into program memory, over what is there. Throws if a line is no record, if its
 * checksum is wrong, or if it does not fit into an ATmega328P. `name`: of the image, for the error.
 */
export const readHex = (
  text: string,
  name = "the image",
  flash: Uint16Array = erasedFlash(),
): Uint16Array => {
  const bytes = new Uint8Array(flash.buffer);
  let base = 0;
  text.split(/\r?\n/).forEach((line, index) => {
    if (line === "") return;
    const fault = (what: string) => new Error(`line ${index + 1} of ${name}: ${what}`);
    if (!/^:([0-9A-F]{2}){5,}$/i.test(line)) throw fault("not Intel HEX");
    const record = Buffer.from(line.slice(1), "hex");
    const [length = 0, high = 0, low = 0, type = DATA] = record;
    if (record.length !== length + 5) throw fault("its length does not match its length field");
    if (record.reduce((sum, byte) => sum + byte, 0) % 256 !== 0) throw fault("wrong checksum");
    const at = base + high * 256 + low;
    const data = record.subarray(4, 4 + length);
    if (type !== DATA && LENGTHS[type] !== length) throw fault("a record type that is not known");
    if (type === DATA && at + length > bytes.length)
      throw fault("it lies beyond the end of an ATmega328P's flash");
    if (type === DATA) bytes.set(data, at);
    else if (type === SEGMENT) base = data.readUInt16BE(0) * 0x10;
    else if (type === LINEAR) base = data.readUInt16BE(0) * 0x1_0000;
  });
  return flash;
};
