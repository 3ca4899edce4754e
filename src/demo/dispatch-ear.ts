import { AckMessage, StateMessage } from "../domain/messages.ts";
import { WireReport } from "../domain/report.ts";
import { readMessage } from "../wire/read.ts";
import type { Happening } from "./story.ts";

/** What a message at dispatch means for the demo's story. Pure. */

const ofReport = (report: WireReport): Happening[] => {
  switch (report.kind) {
    case "position":
      return [{ kind: "position", kmh: report.data.speedKmh ?? 0 }];
    case "emergency": {
      const { episode, presses } = report.data;
      return [{ kind: "emergency", episode, presses }];
    }
    case "event": {
      const { data } = report;
      if ((data.type !== "fault" && data.type !== "recovered") || data.code === undefined) return [];
      return [{ kind: "fault", part: data.part, code: data.code, over: data.type === "recovered" }];
    }
    case "vehicle":
    case "health":
      return [];
  }
};

/** `retain`: the broker has kept it for whoever comes: it is old. */
export const hear = (topic: string, payload: Buffer, retain: boolean): Happening[] => {
  const received = readMessage(topic, payload);
  if (received.kind !== "json" || retain) return [];
  const [value] = received.values;
  if (topic.endsWith("/history")) return [{ kind: "history", reports: received.values.length }];
  if (topic.endsWith("/ack")) {
    const { data } = AckMessage.safeParse(value);
    return data ? [{ kind: "answer", stage: data.stage, by: data.by }] : [];
  }
  if (topic.endsWith("/state")) {
    const { data } = StateMessage.safeParse(value);
    return data ? [{ kind: "state", state: data.state }] : [];
  }
  const { data } = WireReport.safeParse(value);
  return data ? ofReport(data) : [];
};
