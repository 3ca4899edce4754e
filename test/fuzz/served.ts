import { connect } from "node:net";
import { openStatusServer } from "../../src/status/server.ts";
import { IDLE_ACTIONS } from "../status/idle-actions.ts";

/** The end of a connection is waited for so long: a stream of events has none, ms. */
const ANSWER_MS = 30;

const send = (port: number, input: Buffer): Promise<string> =>
  new Promise((resolve) => {
    let answer = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(input));
    const enough = setTimeout(() => socket.destroy(), ANSWER_MS);
    socket.setEncoding("latin1").on("data", (text: string) => (answer += text));
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearTimeout(enough);
      resolve(answer);
    });
  });

/** The unit's page: a connection for each input, with the bytes as they are. */
export const serve = async (): Promise<(input: Buffer) => Promise<void>> => {
  const { port } = await openStatusServer({ listen: "127.0.0.1:0" }, IDLE_ACTIONS);
  return async (input) => {
    const answer = await send(port, input);
    const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
    if (answer !== "" && (status === undefined || (status.startsWith("5") && status !== "503")))
      throw new Error(`the server answered ${answer.slice(0, 80)}`);
  };
};
