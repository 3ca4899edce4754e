/** A PMTiles file of version 3 with one picture, the whole world at zoom 0, uncompressed. */

const HEADER_BYTES = 127;

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
};

/** `png`: bytes of the picture. See the specification, https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md */
export const worldTiles = (png: Buffer): Buffer => {
  // One entry: its id, how many tiles it stands for, its length, and its offset plus one.
  const directory = Buffer.from([1, ...varint(0), ...varint(1), ...varint(png.length), ...varint(1)]);
  const metadata = Buffer.from("{}");
  const header = Buffer.alloc(HEADER_BYTES);
  header.write("PMTiles", 0, "latin1");
  header[7] = 3;
  const places = [
    HEADER_BYTES,
    directory.length,
    HEADER_BYTES + directory.length,
    metadata.length,
    0,
    0,
    HEADER_BYTES + directory.length + metadata.length,
    png.length,
    1,
    1,
    1,
  ];
  for (const [n, value] of places.entries()) header.writeBigUInt64LE(BigInt(value), 8 + 8 * n);
  // Clustered; directories and tiles are not compressed; PNG; zoom 0 to 0.
  header.set([1, 1, 1, 2, 0, 0], 96);
  header.writeInt32LE(-180e7, 102);
  header.writeInt32LE(-85e7, 106);
  header.writeInt32LE(180e7, 110);
  header.writeInt32LE(85e7, 114);
  return Buffer.concat([header, directory, metadata, png]);
};
