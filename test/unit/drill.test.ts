import { describe, expect, test } from "vitest";
import { EmergencyWorld, NOW, opened } from "./emergency-life.ts";

describe("a drill", () => {
  test("is the first press after it was asked for; the second one is real, and the lamp speaks for that", async () => {
    const world = await opened();
    expect(world.life.emergency.drill("technician")).toBeUndefined();
    expect(world.life.emergency.status.drillArmed).toBe(true);
    world.press(1);
    await world.pass(1_000, () => world.lamp === "sent");
    expect(world.lamps.at(-1)!.drill).toBe(true);
    world.press(2);
    await world.pass(1_000, () => world.heard.length > 1);
    expect(world.episodes.map(({ test: isDrill }) => isDrill)).toEqual([true, false]);
    expect(world.lamps.at(-1)!.drill).toBe(false);
    expect(world.life.emergency.drill("technician")).toBe("an emergency is open, so no press can be a drill");
  });

  test("is followed by a real episode, also if the board counts the second press in the first", async () => {
    const world = await opened();
    world.life.emergency.drill("technician");
    world.press(1);
    await world.pass(200);
    world.press(1, { count: 2, ageMs: 200 });
    await world.pass(2_000);
    expect(world.episodes).toMatchObject([
      { test: true, presses: 1 },
      { test: false, presses: 1 },
    ]);
  });

  test("is refused to a technician while one is open, and the log says what is refused", async () => {
    const world = await opened();
    world.life.emergency.drill("technician");
    world.press(1);
    await world.pass(1_000, () => world.lamp === "sent");
    expect(world.life.emergency.drill("technician")).toMatch(/^a drill is open: /);
    expect(world.life.emergency.status.drillArmed).toBe(false);
    expect(world.warnings.filter((line) => line.includes("refused"))).toEqual([
      expect.stringMatching(/^drill refused: a drill is open: /),
    ]);
  });

  // Defect 26.
  test("is no press whose age the board does not know", async () => {
    const world = await opened();
    world.life.emergency.drill("technician");
    world.life.emergency.press({ board: "0badcafe", number: 1, loop: 0, count: 1 });
    expect(world.episodes).toMatchObject([{ test: false }]);
  });

  test("can be asked for by dispatch once in 10 minutes, also across a power cut", async () => {
    const world = await opened();
    const limit = "dispatch may ask for one drill in 10 minutes";
    expect(world.life.emergency.drill("dispatch")).toBeUndefined();
    expect(world.life.emergency.drill("dispatch")).toBe(limit);
    expect(world.life.emergency.drill("technician")).toBeUndefined();
    await world.pass(1_000);
    world.cut();
    world.clock.at += 300_000;
    await world.start();
    expect(world.life.emergency.status.drillArmed).toBe(false);
    expect(world.life.emergency.drill("dispatch")).toBe(limit);
    world.cut();
    world.clock.at += 310_000;
    await world.start();
    expect(world.life.emergency.drill("dispatch")).toBeUndefined();
  });

  test("that nobody clears ends by itself after 10 minutes and leaves no copy", async () => {
    const world = await opened();
    world.life.emergency.drill("technician");
    world.press(1);
    await world.pass(599_000);
    expect(world.episodes).toMatchObject([{ state: "active", test: true }]);
    await world.pass(5_000);
    expect(world.episodes).toEqual([]);
    const end = world.heard.find(({ said }) => said?.state === "cleared")?.said;
    expect(end).toMatchObject({ by: "unit", test: true });
    expect(end).not.toHaveProperty("ackAt");
    for (const broker of world.brokers) expect(world.retained(broker)).toEqual([]);
  });

  test("ends 10 minutes after its press though the unit was restarted meanwhile, once the time is known", async () => {
    const world = await opened();
    world.life.emergency.drill("technician");
    world.press(1);
    await world.pass(300_000);
    world.cut();
    world.clock = { at: world.clock.at + 303_000, clock: "unset" };
    await world.start();
    await world.pass(290_000);
    world.clock.clock = "gnss";
    await world.pass(4_000);
    expect(world.episodes).toMatchObject([{ state: "active", test: true }]);
    world.dial();
    await world.pass(8_000);
    expect(world.episodes).toEqual([]);
  });

  test("ends 10 minutes after its press after a restart, also if the time was not known at the press", async () => {
    const world = new EmergencyWorld();
    world.clock.clock = "unset";
    const emergency = await world.start();
    emergency.drill("technician");
    world.press(1);
    await world.pass(1_000);
    expect(world.episodes).toMatchObject([{ test: true, pressed: { clock: "unset" } }]);
    world.clock = { at: NOW + 86_400_000, clock: "gnss" };
    await world.pass(299_000);
    expect(world.episodes).toMatchObject([{ pressed: { clock: "gnss" } }]);
    world.cut();
    world.clock.at += 303_000;
    await world.start();
    world.dial();
    await world.pass(305_000);
    expect(world.episodes).toEqual([]);
  });
});
