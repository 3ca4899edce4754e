/** CRC-16/MCRF4XX (reflected 0x1021, start 0xFFFF): `_crc_ccitt_update` of avr-libc. */
export const crc16 = (bytes: Iterable<number>): number => {
  let crc = 0xffff;
  for (const byte of bytes) {
    let data = (byte ^ crc) & 0xff;
    data = (data ^ (data << 4)) & 0xff;
    crc = ((data << 8) | (crc >>> 8)) ^ (data >>> 4) ^ (data << 3);
    crc &= 0xffff;
  }
  return crc;
};

/** The CRC-32 of POSIX `cksum`: polynomial 0x04C11DB7, highest bit first, the length appended, inverted. */
export const cksum = (bytes: Uint8Array): number => {
  const length: number[] = [];
  for (let left = bytes.length; left > 0; left >>>= 8) length.push(left & 0xff);
  let crc = 0;
  for (const part of [bytes, length]) {
    for (const byte of part) {
      crc ^= byte << 24;
      for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c1_1db7 : 0);
    }
  }
  return ~crc >>> 0;
};
