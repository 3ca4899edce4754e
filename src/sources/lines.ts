/** A longer line is not a log line. Its beginning is kept, so that it can be reported. */
const LONGEST = 4_096;

/**
 * The lines of a text (Latin-1) without their line ends, in batches: the lines that each chunk completes.
 * A last line without a line end counts. Memory: one chunk and one line.
 */
export const linesOf = async function* (
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly string[]> {
  let rest = "";
  for await (const chunk of chunks) {
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength).toString("latin1");
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    if (lines.length > 0) {
      lines[0] = rest + lines[0]!;
      rest = last;
      yield lines.map((line) => line.trimEnd());
    } else rest += last;
    if (rest.length > LONGEST) rest = rest.slice(0, LONGEST);
  }
  if (rest !== "") yield [rest.trimEnd()];
};
