/**
 * How much history may be on the wire: enough to fill the link, not so much that a press would wait
 * in its queue. Rate and round trip are measured at each acknowledgement (as BBR does): the budget
 * is a little more than their product. Pure: time is an argument.
 */
export type Pace = {
  /** Bytes of history that may be unacknowledged. */
  readonly budget: number;
  /** Bytes that one batch should have: what a press may have to wait behind. */
  readonly batchBytes: number;
  sent(bytes: number, at: number): Flight;
  acknowledged(flight: Flight, at: number): void;
};

/** A message on the wire: what had been delivered when it left. */
export type Flight = {
  readonly bytes: number;
  readonly at: number;
  readonly delivered: number;
  readonly deliveredAt: number;
};

/** Before anything is known: two packets. */
const FIRST_BUDGET = 3_000;
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
  let minRttS = Infinity;
  let rates: number[] = [];
  let budget = Math.min(FIRST_BUDGET, maxBytes);
  let batchBytes = BATCH.min;

  return {
    get budget() {
      return budget;
    },
    get batchBytes() {
      return batchBytes;
    },
    sent: (bytes, at) => ({ bytes, at, delivered, deliveredAt: delivered === 0 ? at : deliveredAt }),
    acknowledged(flight, at) {
      delivered += flight.bytes;
      deliveredAt = at;
      minRttS = Math.min(minRttS, Math.max(1e-4, (at - flight.at) / 1000));
      const elapsedS = Math.max(1e-4, (at - Math.min(flight.at, flight.deliveredAt)) / 1000);
      rates = [...rates.slice(1 - RATE_SAMPLES), (delivered - flight.delivered) / elapsedS];
      const rate = Math.max(...rates);
      batchBytes = Math.max(BATCH.min, Math.min(BATCH.max, maxBytes, rate * BATCH_S));
      budget = Math.min(maxBytes, Math.max(FIRST_BUDGET, GAIN * rate * minRttS + batchBytes));
    },
  };
};
