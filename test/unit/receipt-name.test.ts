import { expect, test } from "vitest";
import { parseStorable } from "../../src/recorder/storable.ts";
import { openWorld } from "./whole-unit.ts";

/** Whether dispatch's recorder can keep it. */
const isStorable = ({ report }: { readonly report: object }): boolean => {
  try {
    parseStorable(JSON.stringify(report));
    return true;
  } catch {
    return false;
  }
};

test.each(["db\u0000", "db\uD800"])(
  "dispatch can keep what a unit says of a recorder named %j",
  async (by) => {
    const world = openWorld([{}]);
    const { broker } = world.brokers[0]!;
    await world.start("", false, "zr-117", "custody: auto");
    await world.wait(30_000);
    const { store } = world.heard.find(({ report }) => report["store"])!.report;
    const receipt = (name: string): void => {
      const at = new Date(world.time.host()).toISOString();
      const text = JSON.stringify({ store, upTo: 1, missing: [], by: name, at });
      broker.publish("patrol/v1/zrenjanin/zr-117/receipt", Buffer.from(text), {});
    };
    receipt(by);
    await world.wait(10_000);
    receipt("other");
    await world.wait(120_000);
    const ofUnit = world.heard.filter(({ topic }) => !topic.endsWith("/receipt"));
    const said = ofUnit.filter(({ report }) => JSON.stringify(report).includes("db\uFFFD"));
    expect(said.length).toBeGreaterThan(1);
    expect(ofUnit.filter((one) => !isStorable(one))).toEqual([]);
  },
);
