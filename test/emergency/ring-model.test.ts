import fc from "fast-check";
import { expect, test } from "vitest";
import { STAGES, type Episode } from "../../src/domain/episode.ts";
import { Memory, NO_MEMORY, type EmergencyMemory } from "../../src/domain/memory.ts";
import type { BoardPress } from "../../src/domain/panic.ts";
import { COPIES_MAX } from "../../src/emergency/copies.ts";
import { isOpen } from "../../src/emergency/machine.ts";
import type { RingEffect, RingEvent } from "../../src/emergency/events.ts";
import { advance, ENDED_MAX, WAITING_MAX } from "../../src/emergency/ring.ts";
import { areCopiesNoted, restore, type Ring } from "../../src/emergency/ring-state.ts";
import { BOARD, BROKER, memoryOf, OTHER, press } from "./ring-events.ts";
import { tries } from "../tries.ts";

/**
 * A board, a disk, two brokers and a dispatcher around the ring. What they know is kept apart from the
 * ring, by the simplest means: it is what the ring is held against after each step.
 */
class World {
  ring: Ring = restore(NO_MEMORY.emergency, 0);
  mono = 0;
  connected = false;
  /** What is on disk, what is being written, and whether writing fails. */
  disk: EmergencyMemory = NO_MEMORY.emergency;
  writes: {
    readonly generation: number;
    readonly memory: EmergencyMemory;
    readonly ended: ReadonlySet<string>;
  }[] = [];
  /** What the board has latched and not forgotten, and the number given last. */
  readonly latched = new Map<number, BoardPress>();
  number = 0;
  /** The line loses what the unit says to the board. */
  losesConfirmations = false;
  /** Presses made in all, by whether they could have been a drill. */
  pressed = 0;
  /** Presses of each episode as dispatch was told last, and the furthest stage that it ordered. */
  readonly told = new Map<string, Episode>();
  readonly ordered = new Map<string, number>();
  /** The presses of each episode in the report that a broker acknowledged last. */
  readonly atBroker = new Map<string, number>();
  ended = new Set<string>();
  /** Of these the disk knows that they have ended. */
  endedOnDisk: ReadonlySet<string> = new Set();
  /** Retained copies: what each broker shows. */
  readonly retained = new Map<string, Set<string>>([
    [BROKER, new Set()],
    [OTHER, new Set()],
  ]);
  /** Reports that wait until the disk has the note of their copy. */
  heldBack: { readonly id: string; readonly broker: string }[] = [];
  /** When a drill was last asked for; no press made before it may be one. */
  askedAt = Infinity;

  give(event: RingEvent): readonly RingEffect[] {
    const before = this.ring;
    const { ring, effects } = advance(before, event, this.mono);
    this.ring = ring;
    for (const effect of effects) this.#perform(effect, event, before);
    return effects;
  }

  #perform(effect: RingEffect, event: RingEvent, before: Ring): void {
    switch (effect.kind) {
      case "report": {
        const { episode } = effect;
        expect(this.ended, "an ended episode comes back").not.toContain(episode.id);
        expect(isOpen(episode) || event.kind === "ack" || event.kind === "tick").toBe(true);
        const said = this.told.get(episode.id)?.heldMs;
        if (said !== undefined) expect(episode.heldMs, "the time of a press changes").toBe(said);
        this.told.set(episode.id, episode);
        break;
      }
      case "store":
        this.writes.push({
          generation: this.ring.generation,
          memory: memoryOf(this.ring),
          ended: new Set(this.ended),
        });
        break;
      case "confirm": {
        expect(["stored", "press"]).toContain(event.kind);
        const known = this.disk.presses.find(({ board }) => board === BOARD);
        const { number, count } = effect.press;
        expect(
          known !== undefined && (number <= known.below || known.numbers.includes(number)),
          "confirmed and not on disk",
        ).toBe(true);
        const onDisk = known?.several?.find((one) => one.number === number)?.count ?? 1;
        expect(number <= (known?.below ?? 0) || count <= onDisk, "confirmed and not all on disk").toBe(true);
        if (this.losesConfirmations) break;
        // The board forgets the press only as it was counted.
        if (this.latched.get(number)?.count === count) this.latched.delete(number);
        break;
      }
      case "publish":
      case "repeat": {
        const id = effect.kind === "publish" ? effect.id : effect.episode.id;
        expect(this.told.has(id)).toBe(true);
        if (this.connected) this.publish(id, BROKER);
        break;
      }
      case "remove":
        expect(before.emergency.episodes.find((one) => one.id === effect.id && isOpen(one))).toBeUndefined();
        break;
      case "forget":
        this.ended.add(effect.id);
        break;
      case "lamp":
      case "left":
      case "evidence":
      case "drill-refused":
      case "refused":
        break;
    }
  }

  /** A report goes to a broker: the copy is noted before, on disk unless that fails. */
  publish(id: string, broker: string): void {
    if (!this.isOpen(id)) return;
    this.give({ kind: "publishing", id, presses: 1, broker });
    expect(this.ring.copies, "published and not noted").toContainEqual({ episode: id, broker });
    if (areCopiesNoted(this.ring)) this.retained.get(broker)!.add(id);
    else this.heldBack.push({ id, broker });
  }

  isOpen(id: string): boolean {
    return this.ring.emergency.episodes.some((one) => one.id === id && isOpen(one));
  }

  /** The disk answers the oldest question. */
  answer(works: boolean): void {
    const write = this.writes.shift();
    if (!write) return;
    if (works) {
      this.disk = write.memory;
      this.endedOnDisk = write.ended;
    }
    this.give({ kind: works ? "stored" : "not-stored", generation: write.generation });
    if (!areCopiesNoted(this.ring)) return;
    for (const { id, broker } of this.heldBack) if (this.isOpen(id)) this.retained.get(broker)!.add(id);
    this.heldBack = [];
  }

  repeat(number: number): void {
    const latched = this.latched.get(number);
    if (!latched) return;
    const { ageMs, ...rest } = latched;
    const pressed = ageMs === undefined ? undefined : { boot: 1, mono: ageMs, at: 0, clock: "ntp" as const };
    const wasOpen = this.ring.emergency.episodes;
    this.give(press(number, this.mono, { press: { ...rest, ...(pressed ? { ageMs: 0 } : {}) }, pressed }));
    const opened = this.ring.emergency.episodes.find((one) => !wasOpen.some(({ id }) => id === one.id));
    if (!opened?.test) return;
    expect(pressed, "a drill of unknown age").toBeDefined();
    expect(pressed!.mono, "a drill from before it was asked for").toBeGreaterThanOrEqual(this.askedAt);
    this.askedAt = Infinity;
  }

  cut(mono: number): void {
    this.mono = mono;
    this.connected = false;
    this.writes = [];
    this.heldBack = [];
    const read = Memory.parse(JSON.parse(JSON.stringify({ ...NO_MEMORY, emergency: this.disk })));
    this.ring = restore(read.emergency, mono);
    this.askedAt = Infinity;
    // A press that was never on disk is repeated by its board, though dispatch may have cleared it.
    this.ended = new Set(this.endedOnDisk);
    // What was never on disk is not known any more; the board and the brokers have it still.
    for (const id of this.told.keys()) {
      const known = this.ring.emergency.episodes.find((one) => one.id === id);
      if (known) this.told.set(id, known);
      else this.told.delete(id);
    }
    for (const { id, state } of this.ring.emergency.episodes) {
      this.ordered.set(id, STAGES.indexOf(state));
    }
    for (const [number, latched] of this.latched) {
      const { ageMs: _, ...unknownAge } = latched;
      this.latched.set(number, unknownAge);
    }
  }
}

const CLAIMS = ["stored", "sent", "received", "accepted"];

/** How far the episode that the lamp speaks of got, by what the world knows. */
const truth = (world: World): number => {
  const open = world.ring.emergency.episodes.filter(isOpen);
  return Math.max(
    -1,
    ...open.map(({ id, reach, safe, presses }) => {
      const ordered = world.ordered.get(id) ?? 0;
      if (ordered > 0) return ordered + 1;
      const isSent = reach === "sent" || world.atBroker.get(id) === presses;
      return isSent ? 1 : safe ? 0 : -1;
    }),
  );
};

const holds = (world: World): void => {
  const { ring } = world;
  const { episodes } = ring.emergency;
  for (const kind of [true, false])
    expect(episodes.filter((one) => isOpen(one) && one.test === kind).length).toBeLessThanOrEqual(1);
  expect(new Set(episodes.map(({ id }) => id)).size).toBe(episodes.length);
  expect(episodes.filter((one) => !isOpen(one)).length).toBeLessThanOrEqual(ENDED_MAX);
  expect(ring.waiting.length).toBeLessThanOrEqual(WAITING_MAX);
  expect(ring.copies.length).toBeLessThanOrEqual(COPIES_MAX);
  expect(ring.unstored.length).toBeLessThanOrEqual(episodes.length);
  for (const { id } of episodes) expect(world.ended).not.toContain(id);
  for (const [broker, shown] of world.retained)
    for (const id of shown)
      expect(ring.copies, "a copy is forgotten").toContainEqual({ episode: id, broker });
  expect(CLAIMS.indexOf(ring.lamp?.pattern ?? "idle")).toBeLessThanOrEqual(truth(world));
};

class Do implements fc.Command<World, Ring> {
  readonly name: string;
  readonly act: (world: World) => void;
  constructor(name: string, act: (world: World) => void) {
    this.name = name;
    this.act = act;
  }
  check = () => true;
  run(world: World) {
    this.act(world);
    holds(world);
  }
  toString = () => this.name;
}

const some = <T>(all: readonly T[], pick: number): T | undefined => all[pick % Math.max(1, all.length)];

/** The board counts a press in the newest one, if that waits. */
const latchAgain = (world: World): void => {
  const newest = world.latched.get(world.number);
  if (!newest) return;
  world.pressed++;
  world.latched.set(world.number, { ...newest, count: newest.count + 1 });
};

const latch = (world: World): void => {
  if (world.latched.size >= 16) {
    latchAgain(world);
    return;
  }
  world.pressed++;
  world.number++;
  const { number, mono } = world;
  world.latched.set(number, { board: BOARD, number, loop: 0, count: 1, ageMs: mono });
};

const steps = [
  fc.constant(
    new Do("press", (world) => {
      latch(world);
      world.repeat(world.number);
    }),
  ),
  fc.constant(new Do("press, broken on the line", latch)),
  fc.constant(new Do("press within 300 ms of the newest", latchAgain)),
  fc.boolean().map(
    (losesConfirmations) =>
      new Do(`confirmations ${losesConfirmations ? "are lost" : "arrive"}`, (world) => {
        world.losesConfirmations = losesConfirmations;
      }),
  ),
  fc.nat(15).map(
    (pick) =>
      new Do(`the board repeats ${pick}`, (world) => {
        world.repeat(some([...world.latched.keys()], pick) ?? 0);
      }),
  ),
  fc.nat(15).map(
    (pick) =>
      new Do(`press ${pick} is released`, (world) => {
        const number = 1 + (pick % Math.max(1, world.number));
        world.give({
          kind: "released",
          release: { board: BOARD, number, heldMs: world.mono },
          mono: world.mono,
        });
      }),
  ),
  fc
    .boolean()
    .map((works) => new Do(`the disk ${works ? "works" : "fails"}`, (world) => world.answer(works))),
  fc.boolean().map(
    (dispatch) =>
      new Do(`a drill is asked for${dispatch ? " by dispatch" : ""}`, (world) => {
        const effects = world.give({
          kind: "drill",
          mono: world.mono,
          ...(dispatch ? { askedAt: world.mono } : {}),
        });
        if (!effects.some(({ kind }) => kind === "drill-refused")) world.askedAt = world.mono;
      }),
  ),
  fc.tuple(fc.nat(3), fc.constantFrom("received", "accepted", "cleared")).map(
    ([pick, stage]) =>
      new Do(`ack ${pick} ${stage}`, (world) => {
        const id = some(world.ring.emergency.episodes, pick)?.id ?? "nobody's";
        world.give({
          kind: "ack",
          id,
          stage,
          mono: world.mono,
          ...(world.connected ? { broker: BROKER } : {}),
        });
        world.ordered.set(id, Math.max(world.ordered.get(id) ?? 0, STAGES.indexOf(stage)));
      }),
  ),
  fc.tuple(fc.nat(3), fc.nat(1)).map(
    ([pick, stale]) =>
      new Do(`puback ${pick}${stale ? ", stale" : ""}`, (world) => {
        const episode = some(world.ring.emergency.episodes, pick);
        if (!episode) return;
        const { id, revision, presses } = episode;
        if (stale === 0) world.atBroker.set(id, presses);
        world.give({ kind: "sent", id, revision: revision - stale });
      }),
  ),
  fc.tuple(fc.nat(3), fc.constantFrom(BROKER, OTHER)).map(
    ([pick, broker]) =>
      new Do(`publish ${pick} to ${broker}`, (world) => {
        world.publish(some(world.ring.emergency.episodes, pick)?.id ?? "", broker);
      }),
  ),
  fc.nat(7).map(
    (pick) =>
      new Do(`a broker removes copy ${pick}`, (world) => {
        const over = world.ring.copies.filter(
          ({ episode }) => !world.ring.emergency.episodes.some(({ id }) => id === episode),
        );
        const copy = some(over, pick);
        if (!copy) return;
        world.retained.get(copy.broker)!.delete(copy.episode);
        world.give({ kind: "removed", id: copy.episode, broker: copy.broker });
      }),
  ),
  fc.tuple(fc.oneof(fc.nat(20_000), fc.constant(600_000)), fc.boolean()).map(
    ([ms, connected]) =>
      new Do(`${ms} ms later, ${connected ? "connected" : "no link"}`, (world) => {
        world.mono += ms;
        if (connected && !world.connected)
          world.give({ kind: "connected", broker: BROKER, mono: world.mono });
        world.connected = connected;
        world.give({ kind: "listening", listening: connected, mono: world.mono });
        world.give({ kind: "tick", mono: world.mono, connected });
      }),
  ),
  fc.nat(1_000).map((mono) => new Do("power cut", (world) => world.cut(mono))),
];

/** Everything works again: the board repeats until it has nothing left. */
const settle = (world: World): void => {
  world.connected = true;
  world.losesConfirmations = false;
  const waits = () => world.latched.size + world.writes.length + world.ring.unstored.length;
  for (let round = 0; round < 40 && waits() > 0; round++) {
    for (const number of world.latched.keys()) world.repeat(number);
    while (world.writes.length > 0) world.answer(true);
    world.mono += 250;
    world.give({ kind: "tick", mono: world.mono, connected: true });
    holds(world);
  }
};

test("whatever happens: no press is confirmed before it is on disk, lost or counted twice, and no episode comes back", () => {
  fc.assert(
    fc.property(fc.commands(steps, { maxCommands: 80 }), (run) => {
      const world = new World();
      fc.modelRun(() => ({ model: world, real: world.ring }), run);
      settle(world);
      expect(world.latched.size, "a press waits for ever").toBe(0);
      expect(world.ring.waiting).toEqual([]);
      expect(world.ring.unstored).toEqual([]);
      const facts = ({ id, presses, state, revision }: Episode) => ({ id, presses, state, revision });
      expect(world.disk.episodes.map(({ episode }) => facts(episode))).toEqual(
        world.ring.emergency.episodes.map(facts),
      );
    }),
    { numRuns: tries(500) },
  );
});

test("without power cuts every press is counted in exactly one episode", () => {
  const dry = steps.slice(0, -1);
  fc.assert(
    fc.property(fc.commands(dry, { maxCommands: 80 }), (run) => {
      const world = new World();
      fc.modelRun(() => ({ model: world, real: world.ring }), run);
      settle(world);
      const counted = [...world.told.values()].reduce((sum, { presses }) => sum + presses, 0);
      expect(counted).toBe(world.pressed);
    }),
    { numRuns: tries(400) },
  );
});
