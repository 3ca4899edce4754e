/**
 * How much history may be on the wire: enough to fill the link, not so much that a press would wait
 * in its queue. Rate and round trip are measured at each acknowledgement (as BBR does): the budget
 * is a little more than their product. Pure: time is an argument.
 */
export type Pace = {
  /** Bytes that the link itself holds: what is unacknowledged beyond them waits in a queue. 0: not known. */
  readonly holds: number;
  /** Bytes that may be unacknowledged with another batch: what the link holds, and that batch. */
  readonly budget: number;
  /** Bytes that one batch should have: what a press may have to wait behind. */
  readonly batchBytes: number;
  sent(bytes: number, at: number): Flight;
  acknowledged(flight: Flight, at: number): void;
  /** It never left. */
  withdrawn(): void;
};

/** A message on the wire: what had been delivered when it left. */
export type Flight = {
  readonly bytes: number;
  readonly at: number;
  readonly delivered: number;
  readonly deliveredAt: number;
};

const BATCH = { min: 600, max: 48 * 1024 };
/** A batch should take this long on the link. */
const BATCH_S = 0.1;
/** Above one, so that a link that has become faster is noticed. */
const GAIN = 1.1;
const RATE_SAMPLES = 10;

/** `maxBytes`: the budget never exceeds it, however much the link holds. */
export const createPace = (maxBytes: number): Pace => {
  let delivered = 0;
  let deliveredAt = 0;
  let unacknowledged = 0;
  let holds = 0;
  let minRttS = Infinity;
  let rates: number[] = [];
  let budget = Math.min(BATCH.min, maxBytes);
  let batchBytes = BATCH.min;

  return {
    get holds() {
      return holds;
    },
    get budget() {
      return budget;
    },
    get batchBytes() {
      return batchBytes;
    },
    sent(bytes, at) {
      // After a silence its time would make the link look slow.
      if (unacknowledged === 0) deliveredAt = at;
      unacknowledged++;
      return { bytes, at, delivered, deliveredAt };
    },
    withdrawn() {
      unacknowledged--;
    },
    acknowledged(flight, at) {
      unacknowledged--;
      delivered += flight.bytes;
      deliveredAt = at;
      minRttS = Math.min(minRttS, Math.max(1e-4, (at - flight.at) / 1000));
      const elapsedS = Math.max(1e-4, (at - Math.min(flight.at, flight.deliveredAt)) / 1000);
      rates = [...rates.slice(1 - RATE_SAMPLES), (delivered - flight.delivered) / elapsedS];
      const rate = Math.max(...rates);
      batchBytes = Math.max(BATCH.min, Math.min(BATCH.max, maxBytes, rate * BATCH_S));
      holds = GAIN * rate * minRttS;
      budget = Math.min(maxBytes, holds + batchBytes);
    },
  };
};
