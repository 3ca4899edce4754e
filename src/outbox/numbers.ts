/** Numbers leased ahead: few, because a crash declares those that it cannot account for. */
export const LEASE_MIN = 64;
export const LEASE_MAX = 65_536;
/** How many times further than the last lease the next one may reach. */
export const REACH = 8;

/**
 * Numbers below `lease` may have been used. The next lease is at most `reach`: so much may have been
 * used if the newest place of the vital file is lost.
 */
export type Lease = { readonly lease: number; readonly reach: number };

/**
 * Which numbers may be given, so that no later life gives one of them again. The vital file leases numbers.
 * While it cannot be written, numbers far above all others are used, which need no lease: they are free.
 * `next` is always the next number to give. Pure.
 */
export class Numbers {
  /** The vital file remembers numbers below it. */
  #lease: number;
  /** The next lease is not above it (see `Lease`). */
  #reach: number;
  /** Ranges of numbers that need no lease, `until` excluded. Each that ended was used up: LEASE_MAX numbers. */
  #free: { readonly from: number; until: number }[] = [];
  #givenAtLease: number;
  /** How many numbers the last lease was ahead. */
  #ahead = LEASE_MIN;

  constructor({ lease, reach }: Lease, next: number) {
    this.#lease = lease;
    this.#reach = reach;
    this.#givenAtLease = next;
  }

  get lease(): number {
    return this.#lease;
  }

  leased(seq: number): boolean {
    return seq < this.#lease || this.#free.some(({ from, until }) => seq >= from && seq < until);
  }

  /** The newest numbers below it may be given: they are leased or free. */
  get bound(): number {
    return this.#free.at(-1)?.until ?? this.#lease;
  }

  /** Few leased numbers are left: the vital file must be written. */
  isShort(next: number): boolean {
    return this.#free.length === 0 && this.#lease - next < this.#ahead / 4;
  }

  /**
   * The lease for a write of the vital file that begins now. It counts once `written`. A write that fails, or
   * does not end, may be on disk all the same. The next life would then begin at this lease, so no number from
   * it on is free any more.
   */
  wanted(next: number): Lease {
    const wanted = this.#wanted(next);
    for (const free of this.#free)
      if (wanted.lease > free.from) free.until = Math.min(free.until, wanted.lease);
    return wanted;
  }

  #wanted(next: number): Lease {
    if (this.#lease - next >= this.#ahead / 2) return { lease: this.#lease, reach: this.#reach };
    const free = this.#free.length > 0;
    // A disk that is away may stay so: few numbers would soon be used up, and they would have to jump again.
    const ahead = free ? LEASE_MAX : (next - this.#givenAtLease) * 4;
    this.#ahead = Math.min(Math.max(LEASE_MIN, ahead), LEASE_MAX);
    this.#givenAtLease = next;
    const wanted = next + this.#ahead;
    const lease = Math.max(this.#lease, free ? wanted : Math.min(wanted, this.#reach));
    // The numbers may have jumped beyond the reach: the next write leases them, so this one must reach as far.
    return { lease, reach: Math.max(lease, wanted) + REACH * this.#ahead };
  }

  written({ lease, reach }: Lease): void {
    this.#lease = Math.max(this.#lease, lease);
    this.#reach = Math.max(this.#reach, reach);
    if (lease > (this.#free.at(-1)?.from ?? Infinity)) this.#free = [];
  }

  /** Nothing remembers numbers any more: `next` has jumped, and is free with all above it. */
  left(next: number): void {
    this.#free.push({ from: next, until: Infinity });
  }

  /** The life ends, and the ledger accounts for every number: nothing is leased ahead. */
  end(next: number): void {
    this.#lease = next;
  }
}

/** The lease of a life that has ended: nothing ahead. */
export const finalLease = (next: number): Lease => ({ lease: next, reach: next + REACH * LEASE_MIN });
