import type { Episode } from "../../../src/domain/episode.ts";
import type { Memory } from "../../../src/domain/memory.ts";
import { PLACES, type Disk, type Store } from "../../../src/outbox/port.ts";
import { decodePlaces } from "../../../src/outbox/vital-record.ts";
import type { Time } from "../../../src/runtime/ports.ts";
import { createSimulatedDisk, type SimulatedDisk } from "../disk.ts";
import type { LifeTime } from "../life.ts";
import type { Dice } from "../random.ts";
import type { DiskTrouble, Durable, WorldDisk } from "../world.ts";

/** The store as a life of the unit has it: once the process is dead, nothing of it ends. */
const storeOf = (store: Store, life: LifeTime): Store => ({
  getMany: life.port((keys) => store.getMany(keys)),
  page: life.port((from, to, limit) => store.page(from, to, limit)),
  keys: (from, to) => store.keys(from, to),
  batch: life.port((operations, options) => store.batch(operations, options)),
  size: life.port(() => store.size()),
  compact: life.port((from, to) => store.compact(from, to)),
  close: life.port(() => store.close()),
});

/** The same for the disk. */
export const diskOf = (disk: Disk, life: LifeTime): Disk => ({
  path: disk.path,
  lock: life.port(() => disk.lock()),
  readVital: life.port(() => disk.readVital()),
  writeVital: life.port((place, bytes) => disk.writeVital(place, bytes)),
  writeSpare: life.port((place, bytes) => disk.writeSpare(place, bytes)),
  removeSpare: life.port(() => disk.removeSpare()),
  hasStore: life.port(() => disk.hasStore()),
  openStore: life.port(async (opening) => storeOf(await disk.openStore(opening), life)),
  setAside: life.port(() => disk.setAside()),
  space: () => disk.space(),
  releaseBallast: () => !life.dead && disk.releaseBallast(),
  restoreBallast: () => (life.dead ? undefined : disk.restoreBallast()),
});

const onDisk = ({ id, test, state, dark, first }: Episode): Durable["episodes"][number] => ({
  id,
  test,
  state,
  dark,
  ...(first ? { first: `${first.board}#${first.number}` } : {}),
});

const durableOf = ({ emergency }: Memory): Durable => ({
  episodes: emergency.episodes.map(({ episode }) => onDisk(episode)),
  presses: emergency.presses,
});

const NOTHING: Durable = { episodes: [], presses: [] };

/** The disk of the real unit: it outlives the unit's lives, and knows what a power cut would leave. */
class UnitDisk implements WorldDisk<Disk> {
  changed: () => void = () => undefined;
  readonly #disk: SimulatedDisk;
  readonly #dice: Dice;
  #durable = NOTHING;
  #damaged = false;

  constructor(time: Time, dice: Dice) {
    this.#dice = dice;
    this.#disk = createSimulatedDisk({
      time,
      random: dice.stream("wear").random,
      vitalWritten: () => this.#look(),
      caughtUp: () => this.changed(),
    });
  }

  get durable(): Durable {
    return this.#durable;
  }

  open(life: LifeTime): Disk {
    return diskOf(this.#disk, life);
  }

  processGone(cut: boolean): void {
    if (cut) this.#disk.cut();
    else this.#disk.processGone();
  }

  get writable(): boolean {
    const { fault, late } = this.#disk;
    const written = fault === undefined || fault.kind === "full" || fault.kind === "vital-refuses";
    return written && late === 0;
  }

  get readable(): boolean {
    const { fault } = this.#disk;
    return fault?.kind !== "hangs" || fault.reads !== true;
  }

  takeDamage(): boolean {
    const damaged = this.#damaged;
    this.#damaged = false;
    return damaged;
  }

  hurt(trouble: DiskTrouble): (() => void) | undefined {
    const disk = this.#disk;
    switch (trouble) {
      case "tears":
        disk.tear();
        return undefined;
      case "rots":
        disk.corruptRecord();
        return undefined;
      case "breaks":
        disk.damage(this.#dice.pick([0, 0.02, 0.3, 1]));
        return undefined;
      case "forgets":
        this.#forget();
        return undefined;
      case "slow":
        disk.fault = { kind: "slow", factor: this.#dice.pick([5, 50, 300, 5_000]) };
        break;
      case "answers-nothing":
        disk.fault = { kind: "hangs", reads: true };
        break;
      case "full":
      case "read-only":
      case "refuses":
      case "hangs":
      case "vital-refuses":
        disk.fault = { kind: trouble };
    }
    const { fault } = disk;
    this.changed();
    return () => {
      if (disk.fault === fault) disk.fault = undefined;
      this.changed();
    };
  }

  /** The newest place of the vital file is gone: an older state of the memory is all that is left. */
  #forget(): void {
    const { places } = this.#disk;
    const { newest } = decodePlaces(places);
    if (!newest) return;
    const place = newest.generation % PLACES;
    const inVital = decodePlaces(places.slice(0, PLACES)).newest?.generation === newest.generation;
    this.#disk.corruptVital(inVital ? place : place + PLACES);
    this.#damaged = true;
    this.#look();
  }

  #look(): void {
    const { newest } = decodePlaces(this.#disk.places);
    // Neither place can be read: a write was torn by the cut that lost the other place.
    this.#durable = newest ? durableOf(newest.memory) : NOTHING;
    this.changed();
  }
}

export const createUnitDisk = (time: Time, dice: Dice): WorldDisk<Disk> => new UnitDisk(time, dice);
