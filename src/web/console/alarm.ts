/**
 * The alarm. A browser allows sound only after a click or a key (WebAudio, autoplay policy), so the page says so until
 * then.
 */

/** What is to be heard. `urgent`: nobody has accepted an emergency. */
export type Tune = "none" | "drill" | "urgent";
export type Hearing = "locked" | "muted" | "on";

/** A tone: frequency in Hz, begin and length in seconds. */
type Tone = readonly [hz: number, begin: number, length: number];
/** Two tones that alternate are heard through speech and an engine. */
const URGENT: readonly Tone[] = [
  [960, 0, 0.22],
  [720, 0.24, 0.22],
  [960, 0.48, 0.22],
  [720, 0.72, 0.22],
];
const DRILL: readonly Tone[] = [
  [520, 0, 0.12],
  [660, 0.14, 0.16],
];
const REPEAT_MS = 1_600;
const VOLUME = 0.28;
/** A tone that begins or ends at once clicks, s. */
const RAMP_S = 0.012;

export class Alarm {
  #context: AudioContext | undefined;
  #tune: Tune = "none";
  #isMuted = false;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #changed: () => void;

  /** `changed`: called when `hearing` may have changed. */
  constructor(changed: () => void) {
    this.#changed = changed;
  }

  get hearing(): Hearing {
    if (this.#context?.state !== "running") return "locked";
    return this.#isMuted ? "muted" : "on";
  }

  /** Call it in the handler of a click or a key. */
  unlock(): void {
    if (this.#context?.state === "running") return;
    this.#context ??= this.#open();
    void this.#context.resume().then(() => {
      this.#changed();
      if (this.#tune === "urgent") this.#play(URGENT);
    });
  }

  set isMuted(isMuted: boolean) {
    this.#isMuted = isMuted;
    this.#changed();
    if (!isMuted && this.#tune === "urgent") this.#play(URGENT);
  }

  /** Plays a tune from now on; `drill` is heard once. */
  play(tune: Tune): void {
    if (tune === this.#tune) return;
    this.#tune = tune;
    clearInterval(this.#timer);
    if (tune === "none") return;
    this.#play(tune === "urgent" ? URGENT : DRILL);
    if (tune === "urgent") this.#timer = setInterval(() => this.#play(URGENT), REPEAT_MS);
  }

  #open(): AudioContext {
    const context = new AudioContext();
    context.addEventListener("statechange", () => this.#changed());
    return context;
  }

  #play(tones: readonly Tone[]): void {
    const context = this.#context;
    if (!context || this.hearing !== "on") return;
    for (const [hz, begin, length] of tones) {
      const at = context.currentTime + begin;
      const tone = new OscillatorNode(context, { type: "square", frequency: hz });
      const gain = new GainNode(context, { gain: 0 });
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(VOLUME, at + RAMP_S);
      gain.gain.setValueAtTime(VOLUME, at + length - RAMP_S);
      gain.gain.linearRampToValueAtTime(0, at + length);
      tone.connect(gain).connect(context.destination);
      tone.start(at);
      tone.stop(at + length);
    }
  }
}
