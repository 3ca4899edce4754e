import { expect, test } from "vitest";
import { WireReport } from "../../src/domain/report.ts";
import { encodeEmergency, encodeReport } from "../../src/wire/encode.ts";
import { emergency } from "../dispatch/reports.ts";

const track = Array.from({ length: 10 }, (_, n) => ({ lat: 45 + n / 1e6, lon: 20, ageMs: n * 1_000 }));
const vehicle = { signals: { "Vehicle.Speed": 50, "Vehicle.Police.Siren": true } };
const full = emergency(1, "active", { track, vehicle, buttons: ["dash", "boot"] });

const shortened = (maxBytes: number) => {
  const payload = encodeEmergency(full, true, maxBytes);
  if (payload.length > maxBytes) return undefined;
  const report = WireReport.parse(JSON.parse(payload.toString()));
  return report.kind === "emergency" ? report.data : undefined;
};

test("an emergency that fits is left as it is", () => {
  expect(shortened(encodeReport(full, true).length)).toEqual(full.data);
});

test("track, then vehicle, then buttons are left out, as far as needed, and are named", () => {
  const seen = new Set<string>();
  for (let bytes = encodeReport(full, true).length; ; bytes--) {
    const data = shortened(bytes);
    if (!data) break;
    seen.add((data.shortened ?? []).join());
    for (const field of data.shortened ?? []) expect(data).not.toHaveProperty(field);
    expect(data).toMatchObject({ episode: full.data.episode, state: "active", button: "dash", presses: 1 });
  }
  expect([...seen]).toEqual(["", "track", "track,vehicle", "track,vehicle,buttons"]);
});

test("what it does not have is not named", () => {
  const data = emergency(1, "active", { vehicle }).data;
  const payload = encodeEmergency({ ...full, data }, true, encodeReport({ ...full, data }, true).length - 1);
  expect(JSON.parse(payload.toString())).toMatchObject({ data: { shortened: ["vehicle"] } });
});

test("if even the shortest form is too large there is none", () => {
  const shortest = encodeEmergency(full, true, 100);
  expect(shortest.length).toBeGreaterThan(100);
  expect(JSON.parse(shortest.toString())).toMatchObject({
    data: { shortened: ["track", "vehicle", "buttons"] },
  });
});

test("what was left out of it before is still named when more is left out", () => {
  const { track: _, ...rest } = full.data;
  const data = { ...rest, shortened: ["track"] };
  const kept = { ...full, data };
  const payload = encodeEmergency(kept, true, encodeReport(kept, true).length - 1);
  expect(JSON.parse(payload.toString())).toMatchObject({ data: { shortened: ["track", "vehicle"] } });
});
