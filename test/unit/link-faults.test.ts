import { describe, expect, test } from "vitest";
import { openWorld } from "./whole-unit.ts";

type World = ReturnType<typeof openWorld>;
type Page = Awaited<ReturnType<World["start"]>>["page"];
type Listed = { readonly part: string; readonly code: string; readonly where?: string };

const linkFaults = async (world: World, page: Page): Promise<string[]> => {
  const { faults } = (await world.settle(page.status())) as { faults: readonly Listed[] };
  return faults.filter(({ part }) => part === "link").map(({ code, where }) => `${code} ${where}`);
};
const recovered = (world: World): string[] =>
  world
    .events()
    .filter(({ type, part }) => type === "recovered" && part === "link")
    .map(({ code, where }) => `${String(code)} ${String(where)}`);
const isEmergency = ({ topic }: World["heard"][number]): boolean => topic.includes("/emergency/");

describe("a topic that a broker refused", () => {
  test("is no fault any more once the broker accepts a message on it", async () => {
    const world = openWorld([{}]);
    const { faults } = world.brokers[0]!.broker;
    faults.refuses = (topic) => (topic.endsWith("/health") ? 0x87 : undefined);
    const { page } = await world.start();
    await world.wait(70_000);
    const fault = `topic-refused ${world.brokers[0]!.url} health`;
    expect(await linkFaults(world, page)).toEqual([fault]);
    faults.refuses = () => undefined;
    await world.wait(3_700_000);
    expect(await linkFaults(world, page)).toEqual([]);
    expect(recovered(world)).toEqual([fault]);
  });

  test("is no fault any more once the broker grants the subscription", async () => {
    const world = openWorld([{}]);
    const { faults } = world.brokers[0]!.broker;
    faults.refuses = (topic) => (topic.endsWith("/command") ? 0x87 : undefined);
    const { page } = await world.start();
    await world.wait(5_000);
    const fault = `topic-refused ${world.brokers[0]!.url} patrol/v1/zrenjanin/zr-117/command`;
    expect(await linkFaults(world, page)).toEqual([fault]);
    faults.refuses = () => undefined;
    await world.wait(60_000);
    expect(await linkFaults(world, page)).toEqual([]);
    expect(recovered(world)).toEqual([fault]);
  });

  test("stays a fault at this broker though another one accepts it", async () => {
    const world = openWorld([{}, {}]);
    const [a, b] = [world.brokers[0]!, world.brokers[1]!];
    a.broker.faults.refuses = (topic) => (topic.endsWith("/health") ? 0x87 : undefined);
    const { page } = await world.start();
    await world.wait(70_000);
    a.broker.faults.down = true;
    world.network.reset(a.route);
    await world.wait(130_000);
    expect(
      world.heard.some(({ broker, topic }) => broker === b.broker.name && topic.endsWith("/health")),
    ).toBe(true);
    expect(await linkFaults(world, page)).toContain(`topic-refused ${a.url} health`);
  });
});

describe("a broker that is down", () => {
  const secondOnly = async () => {
    const world = openWorld([{}, {}]);
    const [a, b] = [world.brokers[0]!, world.brokers[1]!];
    a.broker.faults.down = true;
    const { page, board } = await world.start();
    await world.wait(10_000);
    return { world, a, b, page, board };
  };

  test("stays a fault while the link is connected to another one", async () => {
    const { world, a, page } = await secondOnly();
    expect(world.heard.length).toBeGreaterThan(0);
    expect(await linkFaults(world, page)).toEqual([`refused ${a.url}`]);
    expect(recovered(world)).toEqual([]);
  });

  test("is no fault any more once the link is connected to it", async () => {
    const { world, a, b, page } = await secondOnly();
    a.broker.faults.down = false;
    world.network.reset(b.route);
    await world.wait(10_000);
    expect(await linkFaults(world, page)).toEqual([`lost ${b.url}`]);
    expect(recovered(world)).toEqual([`refused ${a.url}`]);
  });

  test("is no fault any more once it has answered a courier", async () => {
    const { world, a, page, board } = await secondOnly();
    a.broker.faults.down = false;
    board.press({ board: "aaaaaaaa", number: 1, loop: 0, count: 1, ageMs: 0 });
    await world.wait(20_000, () =>
      world.heard.some((one) => isEmergency(one) && one.broker === a.broker.name),
    );
    await world.wait(1_000);
    expect(await linkFaults(world, page)).toEqual([]);
  });
});
