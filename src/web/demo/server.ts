import * as z from "zod";
import { DemoState, LogLine, type Trouble } from "../../domain/demo.ts";

/** How the page talks to the demo. */
export type Sink = {
  readonly state: (state: DemoState) => void;
  /** Every line that is known: these come first after each connection. */
  readonly lines: (lines: readonly LogLine[]) => void;
  readonly line: (line: LogLine) => void;
  readonly lost: () => void;
};

const read = <T>(schema: z.ZodType<T>, data: unknown): T | undefined => {
  try {
    return schema.safeParse(JSON.parse(String(data))).data;
  } catch {
    return undefined;
  }
};

/** A browser does not connect again after an answer that is no stream: then the page does, ms. */
const AGAIN_MS = 1_500;

/** Follows the demo until it is closed. */
export const follow = (sink: Sink): { close(): void } => {
  let stream: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const open = (): void => {
    const opened = new EventSource("events");
    stream = opened;
    const on = <T>(event: string, schema: z.ZodType<T>, take: (value: T) => void): void =>
      opened.addEventListener(event, ({ data }: MessageEvent<unknown>) => {
        const value = read(schema, data);
        if (value !== undefined) take(value);
      });
    on("state", DemoState, sink.state);
    on("lines", z.array(LogLine), sink.lines);
    on("line", LogLine, sink.line);
    opened.addEventListener("error", () => {
      sink.lost();
      if (opened.readyState === EventSource.CLOSED) timer = setTimeout(open, AGAIN_MS);
    });
  };
  open();
  return {
    close() {
      clearTimeout(timer);
      stream?.close();
    },
  };
};

/** Whether the demo has done it. */
const post = async (path: string, body: unknown): Promise<boolean> => {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) }).catch(
    () => undefined,
  );
  return answer?.ok ?? false;
};

export const pressButton = (): Promise<boolean> => post("press", {});
export const makeTrouble = (trouble: Trouble, on: boolean): Promise<boolean> =>
  post("trouble", { trouble, on });
