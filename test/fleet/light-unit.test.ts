import { createServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import type { Fix } from "../../src/domain/fix.ts";
import { positionAt, sentencesAt } from "./drive.ts";
import { LightUnit } from "./light-unit.ts";
import { addressOf, watchedConnect } from "./watched-connect.ts";

const NOBODY = {
  accepted: () => undefined,
  ended: () => undefined,
  position: () => undefined,
  emergency: () => undefined,
  receipt: () => undefined,
};

test("a car's sentences decode to where it is", () => {
  const at = Date.UTC(2026, 10, 25, 8, 30);
  const fixes: Fix[] = [];
  const tally = { sentences: 0, fixes: 0, rejected: {} };
  const decoder = createNmeaDecoder((fix) => fixes.push(fix), { tally });
  decoder.push(Buffer.from(sentencesAt(4_711, at), "latin1"), 0);
  decoder.end();
  const { lat, lon } = positionAt(4_711, at);
  expect(fixes).toHaveLength(1);
  expect(fixes[0]).toMatchObject({ at, fix: "3d", satellites: 9 });
  expect(fixes[0]!.lat).toBeCloseTo(lat, 5);
  expect(fixes[0]!.lon).toBeCloseTo(lon, 5);
});

test("each unit connects from an address of its own", async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((socket) => {
    seen.push(socket.remoteAddress);
    socket.destroy();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { clientId: "fleet.u-300", username: "fleet/u-300", keepaliveS: 20 };
  const on = { message: () => Promise.resolve(), accepted: () => undefined, oversize: () => undefined };
  const connected = watchedConnect(300, NOBODY)(url, options, on, new AbortController().signal);
  await expect(connected).rejects.toMatchObject({ code: "lost" });
  server.close();
  expect(seen).toContain("127.1.1.44");
  expect(new Set(seen).size).toBe(1);
  expect(addressOf(65_536 + 1)).toBe("127.2.0.1");
});

test("a stopped unit keeps what it was filled with until it runs", async () => {
  const unit = new LightUnit(1, {
    directorate: "fleet",
    id: "u-1",
    brokers: ["mqtt://127.0.0.1:1"],
    connect: watchedConnect(1, NOBODY),
    lamp: () => undefined,
    say: () => undefined,
  });
  await unit.fill(300);
  await unit.start();
  await expect.poll(async () => (await unit.waiting()).records).toBeGreaterThanOrEqual(300);
  await unit.stop();
});
