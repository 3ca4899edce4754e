/** Words of program memory of an ATmega328P. */
const FLASH_WORDS = 0x4000;

/**
 * Reads an Intel HEX image into program memory. Throws if a line is no record or its checksum is wrong.
 * `name`: of the image, for the error.
 */
export const readHex = (text: string, name = "the image"): Uint16Array => {
  const flash = new Uint16Array(FLASH_WORDS).fill(0xffff);
  const bytes = new Uint8Array(flash.buffer);
  text.split(/\r?\n/).forEach((line, index) => {
    if (line === "") return;
    const fault = (what: string) => new Error(`line ${index + 1} of ${name}: ${what}`);
    if (!/^:([0-9A-F]{2}){5,}$/i.test(line)) throw fault("not Intel HEX");
    const record = Buffer.from(line.slice(1), "hex");
    const [length = 0, high = 0, low = 0, type] = record;
    if (record.length !== length + 5) throw fault("its length does not match its length field");
    if (record.reduce((sum, byte) => sum + byte, 0) % 256 !== 0) throw fault("wrong checksum");
    const at = high * 256 + low;
    if (type === 0 && at + length <= bytes.length) bytes.set(record.subarray(4, 4 + length), at);
    else if (type !== 1) throw fault("a record type that an ATmega328P does not use");
  });
  return flash;
};
