import type { EventData } from "./report.ts";

/** A value of an event, in one line. A certificate's request is several lines of PEM: only its kind is named. */
const valueText = (value: unknown): string => {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  if (text.startsWith("-----BEGIN CERTIFICATE REQUEST-----")) return "(PKCS#10)";
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ");
};

/** What an event says besides its type: `key=value`, in its own order. */
export const eventFields = (data: EventData): string[] =>
  Object.entries(data)
    .filter(([key]) => key !== "type")
    .map(([key, value]) => `${key}=${valueText(value)}`);

/** Longer texts are cut. */
const LETTERS = 300;

/** An event in one line, for a person. A fault is its own sentence. */
export const eventText = (data: EventData): string => {
  const text =
    data.type === "fault" || data.type === "recovered"
      ? valueText(data.detail)
      : eventFields(data).join(", ");
  return text.length > LETTERS ? `${text.slice(0, LETTERS)}…` : text;
};
