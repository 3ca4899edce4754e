/**
 * The list's texts: for the command, the report and the page. Their shape is the type of the other languages, so a
 * missing text is a compile error.
 */

/** A value in a text: a name or a number. */
type Value = string | number;

/** A signal with its meaning, which is in English. */
const named = (path: Value, meaning: Value): string => (meaning === "" ? `${path}` : `${path} (${meaning})`);

export const ENGLISH = {
  /** What a step shows. The subject of one that has several follows. */
  title: {
    configuration: "the configuration has no fault",
    clock: "the time is trusted",
    certificate: "the certificate is valid for long enough",
    firmware: "the panic board has the current firmware",
    fix: "the position is accurate",
    broker: "broker",
    button: "button",
    signal: "signal",
    "power-off": "the computer is switched off after the ignition",
  },
  /** How a step ended. */
  outcome: {
    waiting: "waits",
    pass: "pass",
    fail: "FAIL",
    "not-configured": "not fitted",
    "cannot-be-tried": "not tried",
    skipped: "skipped",
  },
  /** Why a step waits or has failed, and what to do now. */
  says: {
    unanswered: "the service has not answered yet",
    silent: "the service was silent for a while",
    restarted: "the service was restarted: begin again",
    reconfigured: "the configuration has changed: begin again",
    "time-up": "the time is up",
    ended: "ended by the technician",
    over: "every step has ended",
    "not-ended": "it has not ended",
    more: (fault: Value, more: Value) => `${fault} (and ${more} more: check lists them)`,

    "no-time": "the time is not known: it comes with the first fix, or from NTP",
    "no-certificate": "the service cannot read the certificate",
    "no-days": "the time is not known, so its days cannot be counted",
    expired: (least: Value) =>
      `the certificate has expired (at least ${least}): enrol request, then enrol install`,
    expires: (days: Value, least: Value) =>
      `the certificate is valid for ${days} days only (at least ${least}): enrol request, then enrol install`,

    "board-away": "the panic board does not answer",
    "board-foreign": "the panic board has another firmware than ours, without a latch: flash firmware",
    "board-unsaid": "the panic board has not said its firmware yet",
    "board-old": (found: Value, released: Value) =>
      `the panic board has firmware ${found}, and this release brings ${released}: flash firmware`,
    "board-none": "the car has no panic board (panic: none)",
    "board-missing": "no panic board is configured",
    "no-buttons": "the panic board has no button: panic.buttons is empty",

    "no-fix": "the receiver has no fix",
    "fix-unsaid": "the receiver does not say how accurate its fix is",
    "fix-poor": (found: Value, limit: Value) => `the fix is exact to ${found} m only (limit ${limit} m)`,
    "fix-good": (seconds: Value, of: Value) => `the fix has been good for ${seconds} s of ${of} s`,

    "broker-untried": "not tried yet",

    "bus-faulty": "the bus cannot be used",
    "no-bus": "no bus is configured",
    "no-signals": "no signal is mapped",
    "signal-none": (path: Value) => `no value of ${path} has come`,
    "signal-same": (path: Value, value: Value) => `${path} has not changed: it reads ${value}`,
    "signal-untriable": (value: Value) => `it is received, and nobody can change it here: it reads ${value}`,
    "signal-ask": (path: Value, meaning: Value) =>
      `${named(path, meaning)}: no value has come; is the ignition on?`,
    "signal-change": (path: Value, meaning: Value, value: Value) => `${named(path, meaning)} reads ${value}`,

    "how-open": "open it, or close it",
    "how-lock": "lock it, or unlock it",
    "how-belt": "fasten the belt, or unfasten it",
    "how-seat": "sit down on it, or get up",
    "how-ignition": "turn the ignition",
    "how-drive": "drive some metres",
    "how-engine": "start the engine, or stop it",
    "how-pedal": "press the pedal",
    "how-brake": "press the brake pedal",
    "how-wheel": "turn the steering wheel",
    "how-gear": "change the gear",
    "how-handbrake": "put the handbrake on, or release it",
    "how-charger": "plug the charger in, or out",
    "how-voltage": "start the engine, or switch on the lights",
    "how-switch": "switch it on, or off",

    "press-never": (drills: Value) =>
      `no press arrived in ${drills} drills of 60 s: look at button, loop and board`,
    "press-none": (button: Value) => `${button} was not pressed`,
    "drill-unknown": "the unit does not know this drill any more",
    "drill-nobody": "dispatch never answered the drill with received: is its recorder running?",
    "drill-unanswered": "dispatch has not answered the drill",
    "drill-uncleared": "dispatch has answered the drill, and has not cleared it",
    "drill-open": "a drill is open: dispatch must clear it, or it ends by itself after 10 minutes",
    "drill-arming": "a drill is being armed",
    emergency: "a REAL emergency is open: call dispatch",
    "emergency-stop": "a REAL emergency is open: do not press again, and call dispatch",
    go: (button: Value) => `go to ${button}; say when you are ready to press it`,
    press: (button: Value) => `press ${button} now, once: it is a drill`,
    pressed: (button: Value) => `${button} was pressed; dispatch has not answered yet`,
    received: (button: Value, seconds: Value) =>
      `${button}: dispatch has received it; it must now clear the drill (else it ends by itself in ${seconds} s)`,

    "power-never": "the computer is never switched off: there is no power block",
    "power-declared": (seconds: Value) =>
      `declared, not tried: it is switched off ${seconds} s after the ignition`,
    "power-unscheduled": "no power-off was scheduled",
    "power-uncancelled": "the power-off was not cancelled",
    "power-off": (seconds: Value) =>
      `switch the ignition off and leave everything alone: after ${seconds} s a power-off must be scheduled`,
    "power-on": "switch the ignition ON within a minute: the power-off must be cancelled",
  },
};

export type ListWords = typeof ENGLISH;
