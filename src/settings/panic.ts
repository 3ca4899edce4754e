import type * as z from "zod";
import type { Blocks } from "./blocks.ts";
import { explain, valueAt, type Issue } from "./explain.ts";
import {
  BoardBaud,
  Button,
  ButtonName,
  ImageFile,
  LampSense,
  Loop,
  LOOPS,
  PanicBoard,
  TestEveryDays,
  Tty,
  type Settings,
} from "./schema.ts";

type Buttons = z.infer<typeof PanicBoard>["buttons"];
type Button = Buttons[string];

const entriesOf = (value: unknown): [string, unknown][] =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : [];

const loopOf = (button: unknown): number | undefined => Loop.safeParse(valueAt(button, ["loop"])).data;

/**
 * The value of `silent` or `dark` of a faulty button. A wrong value counts as true. So does a missing one
 * if the button has an unknown key, which may be that key, misspelt. A covert button that makes a sound
 * can cost a life; a button that wrongly makes none does not.
 */
const covert = (button: unknown, key: "silent" | "dark"): boolean => {
  const value = valueAt(button, [key]);
  if (typeof value === "boolean") return value;
  const known = Object.keys(Button.shape);
  return value !== undefined || entriesOf(button).some(([name]) => !known.includes(name));
};

/**
 * The buttons of a faulty block. A button is used if its loop is valid, even if the rest of it is wrong.
 * If a button's loop is not valid, all loops are used: a press is reported under the loop's name.
 */
const mendButtons = (raw: unknown): Buttons => {
  const byLoop = new Map<number, readonly [name: string, button: Button]>();
  const names = new Set(entriesOf(raw).map(([name]) => name));
  const nameOf = (loop: number): string => {
    let name = `loop-${loop}`;
    while (names.has(name)) name += "-x";
    return name;
  };
  let isLost = names.size === 0;
  for (const [name, given] of entriesOf(raw)) {
    const loop = loopOf(given);
    isLost ||= loop === undefined;
    if (loop === undefined) continue;
    const [firstName, first] = byLoop.get(loop) ?? [];
    byLoop.set(loop, [
      firstName ?? ButtonName.safeParse(name).data ?? nameOf(loop),
      {
        loop,
        silent: covert(given, "silent") || first?.silent === true,
        dark: covert(given, "dark") || first?.dark === true,
      },
    ]);
  }
  for (let loop = 0; isLost && loop < LOOPS; loop++)
    if (!byLoop.has(loop)) byLoop.set(loop, [nameOf(loop), { loop, silent: true, dark: true }]);
  return Object.fromEntries(byLoop.values());
};

/** Faults of the buttons whose names are not valid: the schema does not check their values. */
const faultsBehindNames = (buttons: unknown): Issue[] => {
  const found: Issue[] = [];
  for (const [name, button] of entriesOf(buttons)) {
    if (ButtonName.safeParse(name).success) continue;
    const issues = Button.safeParse(button).error?.issues ?? [];
    for (const issue of issues.flatMap((one) => explain(Button, button, one)))
      found.push({ ...issue, path: ["buttons", name, ...issue.path] });
  }
  return found;
};

/** Faults that the block's schema cannot express. */
const conflicts = (raw: unknown): Issue[] => {
  const issues: Issue[] = [];
  const taken = new Map<number, string>();
  const buttons = valueAt(raw, ["buttons"]);
  if (typeof buttons === "object" && buttons !== null && entriesOf(buttons).length === 0)
    issues.push({
      path: ["buttons"],
      code: "conflict",
      expected: "at least one button",
      found: "none",
      remedy: "add the buttons that are wired",
      atKey: false,
    });
  for (const [name, button] of entriesOf(buttons)) {
    const loop = loopOf(button);
    if (loop === undefined) continue;
    const other = taken.get(loop);
    if (other !== undefined)
      issues.push({
        path: ["buttons", name, "loop"],
        code: "conflict",
        expected: "a loop of its own",
        found: `${loop}, the loop of ${other}`,
        atKey: false,
      });
    else taken.set(loop, name);
  }
  return issues;
};

/** The panic board. Undefined: none is configured, or its port is not valid. */
export const readPanic = (blocks: Blocks): Settings["panic"] => {
  const raw = blocks.raw("panic");
  if (raw === undefined || raw === "none") return raw;
  const further = [...conflicts(raw), ...faultsBehindNames(valueAt(raw, ["buttons"]))];
  const whole = PanicBoard.safeParse(raw);
  if (whole.success && further.length === 0) return whole.data;
  blocks.read("panic", PanicBoard, "panic-board", { further });
  const port = Tty.safeParse(valueAt(raw, ["port"])).data;
  if (port === undefined) return undefined;
  const baud = BoardBaud.safeParse(valueAt(raw, ["baud"])).data;
  const lampSense = LampSense.safeParse(valueAt(raw, ["lampSense"])).data ?? false;
  const days = TestEveryDays.safeParse(valueAt(raw, ["testEveryDays"])).data;
  const image = ImageFile.safeParse(valueAt(raw, ["image"])).data;
  return {
    port,
    ...(baud === undefined ? {} : { baud }),
    ...(image === undefined ? {} : { image }),
    lampSense,
    testEveryDays: days ?? TestEveryDays.parse(undefined),
    buttons: mendButtons(valueAt(raw, ["buttons"])),
  };
};
