import { CommandError, EXIT, options, positive, type Command } from "./lib/command.ts";
import { onStopRequest } from "./lib/stop.ts";

/** A higher --speed counts as this one. */
const MAX_SPEED = 1000;

export const demo: Command = {
  summary: "a patrol car and its dispatch on one machine, with nothing attached, as a page",
  usage: `patrol-unit demo
patrol-unit demo --terminal [--speed N] [--json]

A receiver model drives through Zrenjanin and speaks NMEA into a pseudo-terminal; the panic board's
real firmware runs in a simulator behind another. The unit reads both like real devices and reports
to a broker on this machine.

Without --terminal it prints the address of a page: the car with its button, its own page and faults
to try (a tunnel, a dead broker, the receiver pulled out, the button's wire cut, no power), the
dispatcher's console, and what happens between them. The car has a bus too, made up by a model. The
unit is a process of its own there, so that its power can be cut. q or Ctrl-C ends it.

With --terminal it prints:
  a line with #           a report as dispatch sees it; (clock unset): it was made before the time
                          was known, (late): from the backlog, not live
  ONLINE, OFFLINE         the unit's state at the broker
  a line with patrol/v1/  a message that is no report, with its topic: an answer of dispatch to an
                          emergency, or the removal of an emergency that has ended
  the lamp shows          the button's lamp
  a line in braces        the unit's log (on stderr)

Keys then, also as capitals: p presses the button, a answers as dispatch (received, accepted,
cleared), q or Ctrl-C ends it.
--speed N drives N times as fast. Reports then have the receiver's time, which runs ahead of the
log's. It needs --terminal.
--json: a JSON line for each message, {topic, retain, payload}, and for each change of the lamp,
{t, lamp, drill, sounder}. It implies --terminal.
Exit: 0 ended by q, Ctrl-C or SIGTERM, 64 wrong usage, 69 the pages are not built.`,
  async run(args) {
    const given = options(args, {
      terminal: { type: "boolean" },
      speed: { type: "string" },
      json: { type: "boolean" },
      // How the page's demo starts the unit. Not for people.
      "as-car": { type: "string" },
      "framed-by": { type: "string" },
    });
    const speed = Math.min(positive(given.speed, "speed", 1), MAX_SPEED);
    const isTerminal = given.terminal === true || given.json === true;
    if (given.speed !== undefined && !isTerminal)
      throw new CommandError(EXIT.usage, "--speed needs --terminal: on the page everything has its own pace");
    const world: { kill?: () => void } = {};
    const stop = onStopRequest(() => world.kill?.());
    if (given["as-car"] !== undefined) {
      const { runCar } = await import("./demo/car.ts");
      await runCar(given["as-car"], (given["framed-by"] ?? "").split(","), stop);
    } else if (isTerminal) {
      const { showInTerminal } = await import("./demo/terminal.ts");
      await showInTerminal(speed, given.json ?? false, stop);
    } else {
      const { showAsPage } = await import("./demo/web.ts");
      await showAsPage(stop, (kill) => Object.assign(world, { kill }));
    }
    return EXIT.ok;
  },
};
