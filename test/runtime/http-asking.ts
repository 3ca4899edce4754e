import { connect, type Socket } from "node:net";

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

const END_OF_HEADERS = "\r\n\r\n";

/** Sends the lines of a request as they are, and a body; returns the answer. */
export const ask = (
  port: number,
  lines: readonly string[],
  { address = "127.0.0.1", body = "" } = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const length = body === "" ? [] : [`content-length: ${Buffer.byteLength(body)}`];
    const socket = connect(port, address, () =>
      // Not `end`: a server drops a client that has closed its side before the answer.
      socket.write(`${[...lines, ...length, "connection: close"].join("\r\n")}${END_OF_HEADERS}${body}`),
    );
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.on("error", reject);
    socket.on("close", () => {
      const all = Buffer.concat(chunks);
      const end = all.indexOf(END_OF_HEADERS);
      const [first = "", ...rest] = all.subarray(0, end).toString("latin1").split("\r\n");
      resolve({
        status: Number(/^HTTP\/1\.1 (\d+)/.exec(first)?.[1]),
        headers: Object.fromEntries(
          rest.map((line) => [
            line.slice(0, line.indexOf(":")).toLowerCase(),
            line.slice(line.indexOf(":") + 2),
          ]),
        ),
        body: all.subarray(end + END_OF_HEADERS.length),
      });
    });
  });

/** Opens a stream of events and collects what arrives. */
export const listen = (port: number, path: string, lines: readonly string[] = []) => {
  let text = "";
  let over = false;
  const socket: Socket = connect(port, "127.0.0.1", () =>
    socket.write([`GET ${path} HTTP/1.1`, "host: localhost", ...lines].join("\r\n") + END_OF_HEADERS),
  );
  socket.setEncoding("utf8");
  socket.on("data", (more: string) => (text += more));
  socket.on("error", () => undefined);
  socket.on("close", () => (over = true));
  return {
    socket,
    text: () => text,
    over: () => over,
    [Symbol.dispose]: () => void socket.destroy(),
  };
};
