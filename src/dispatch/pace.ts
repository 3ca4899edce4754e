/**
 * How much history may be in flight: enough to fill the link, not so much that a press would wait in its
 * queue. Rate and round trip are measured at each acknowledgement, as in BBR. The budget is a little more
 * than their product. Pure: time is an argument.
 */
export type Pace = {
  /** The most bytes in flight that do not queue up on the link. 0: not known yet. */
  readonly holds: number;
  /** Bytes that may be in flight, the next batch included: `holds` and that batch. */
  readonly budget: number;
  /** The bytes of one batch: a press may have to wait for one. */
  readonly batchBytes: number;
  sent(bytes: number, at: number): Flight;
  acknowledged(flight: Flight, at: number): void;
  /** The message was never sent. */
  withdrawn(): void;
};

/** A message in flight, and what was known when it was sent. */
export type Flight = {
  readonly bytes: number;
  readonly at: number;
  /** Bytes that had been acknowledged. */
  readonly delivered: number;
  /** When the last of them were acknowledged. */
  readonly deliveredAt: number;
  /** When those had been sent. */
  readonly deliveredSentAt: number;
};

const BATCH = { min: 600, max: 48 * 1024 };
/** A batch should take this long on the link. */
const BATCH_S = 0.1;
/** Above one, so that a link that has become faster is noticed. */
const GAIN = 1.1;
const RATE_SAMPLES = 10;

/** `maxBytes`: the most that the budget can be. */
export const createPace = (maxBytes: number): Pace => {
  let delivered = 0;
  let deliveredAt = 0;
  let deliveredSentAt = 0;
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
      // The silence before this message must not count as slow delivery.
      if (unacknowledged === 0) {
        deliveredAt = at;
        deliveredSentAt = at;
      }
      unacknowledged++;
      return { bytes, at, delivered, deliveredAt, deliveredSentAt };
    },
    withdrawn() {
      unacknowledged--;
    },
    acknowledged(flight, at) {
      unacknowledged--;
      delivered += flight.bytes;
      deliveredAt = at;
      deliveredSentAt = flight.at;
      minRttS = Math.min(minRttS, Math.max(1e-4, (at - flight.at) / 1000));
      // What waited for a stalled link is acknowledged all at once. It was not delivered faster than it was sent.
      const elapsedMs = Math.max(at - flight.deliveredAt, flight.at - flight.deliveredSentAt);
      const elapsedS = Math.max(1e-4, elapsedMs / 1000);
      rates = [...rates.slice(1 - RATE_SAMPLES), (delivered - flight.delivered) / elapsedS];
      const rate = Math.max(...rates);
      batchBytes = Math.max(BATCH.min, Math.min(BATCH.max, maxBytes, rate * BATCH_S));
      holds = GAIN * rate * minRttS;
      budget = Math.min(maxBytes, holds + batchBytes);
    },
  };
};
