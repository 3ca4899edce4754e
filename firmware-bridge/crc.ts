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
