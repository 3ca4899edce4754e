import { beginList } from "../commissioning/begin.ts";
import type { List } from "../commissioning/list.ts";
import { planFor } from "../commissioning/plan.ts";
import { textOf } from "../commissioning/saying.ts";
import { ENGLISH } from "../commissioning/words/english.ts";
import { resultLine, skippedIn, tallyOf } from "../domain/commissioning.ts";
import { systemTime } from "../runtime/time.ts";
import { CommandError, EXIT, type Command } from "./lib/command.ts";
import { isTerminal } from "./lib/prompt.ts";
import { onStopRequest, type StopRequest } from "./lib/stop.ts";
import { fittedIn, openCar, type Car } from "./commission/car.ts";
import { plainDisplay, type Display } from "./commission/display.ts";
import type { Finished } from "../unit/commissioning/finish.ts";
import { Work } from "../unit/commissioning/work.ts";
import { finishCar, handOver } from "./commission/finish.ts";
import { givenIn, technicianOf, type Given } from "./commission/given.ts";
import { overHttp } from "./commission/over-http.ts";
import { Screen } from "./commission/screen.ts";
import { verifyReport } from "./commission/verify.ts";

/** Throws a CommandError (64) if a step that is to be skipped is not in the list. */
const expectSteps = ({ skips }: Given, { entries }: List): void => {
  const known = entries.map(({ step }) => step.id);
  const wrong = skips.find(({ id }) => !known.includes(id));
  if (wrong)
    throw new CommandError(
      EXIT.usage,
      `--skip ${wrong.id}: there is no such step; this car has ${known.join(", ")}`,
    );
};

/** Works through the list. Undefined: the technician has left. */
const work = async (given: Given, car: Car, stop: StopRequest): Promise<List | undefined> => {
  const asks = !given.json && isTerminal();
  const plan = planFor(fittedIn(car, given.triesPowerOff), given.limits);
  const list = beginList(plan, systemTime.mono(), asks);
  expectSteps(given, list);
  using display: Display = asks
    ? new Screen({ give: (event) => working.give(event), leave: stop.ask })
    : plainDisplay(given.json, (text) => void process.stdout.write(text));
  const { signal } = stop;
  const ports = overHttp(car, given.triesPowerOff);
  const working: Work = new Work({ ports, list, withinMs: given.withinS * 1000, display, signal });
  display.changed(undefined, list);
  for (const skip of given.skips) working.give({ kind: "skip", ...skip });
  const ended = await working.run();
  if (ended.broken !== undefined) throw new CommandError(EXIT.failed, textOf(ended.broken, ENGLISH));
  return signal.aborted ? undefined : ended;
};

const print = ({ report, signed, page, sha256 }: Finished, json: boolean): void => {
  const { id, result } = report;
  process.stdout.write(
    json
      ? `${JSON.stringify({ report: id, result, ...tallyOf(report.steps), skips: skippedIn(report.steps), file: signed, page, sha256 })}\n`
      : `${resultLine(report)}\n${signed}: the signed report; ${page}: to print\n`,
  );
};

export const commission: Command = {
  summary: "works through the commissioning list of a car, and signs its report",
  usage: `patrol-unit commission --root DIR [--technician NAME] [--skip STEP=REASON]... [--within S]
                        [--accuracy M] [--hold S] [--certificate-days N] [--try-power-off] [--json]
patrol-unit commission verify FILE --ca CA.pem [--json]

Works beside the running service, and says what to do next: each button is pressed as a drill, each
signal is seen to change, each broker is tried, a fix must stay accurate. A drill must have ended
before the next one: have somebody at dispatch clear each. At a terminal Enter says that you are
ready to press, s skips a step, q ends the list; without one drills are armed by themselves, and
--technician is needed. The list ends when each step has passed, failed, or is not fitted; what
still waits after --within seconds (3600) has failed. If the command is stopped before, begin again.
The unit's page has the same list: one that is open there must be ended there first.
Steps: configuration, clock, certificate, firmware, broker:URL, fix, button:NAME, signal:PATH,
power-off. What nobody can change, such as an airbag, must only be received
(can.signals.PATH.triable says otherwise).
--accuracy: metres that count as accurate (10), for --hold seconds (60). --certificate-days: days
for which the certificate must be valid (30). --try-power-off: the ignition goes off until a
power-off is scheduled, and on again, which must cancel it; left out, it is only declared.
The report is signed by the unit's own key and kept in DIR/commissioning (the last 16), with a page
to print; the service sends dispatch the event. verify checks a report against the CA and prints it.
The result is passed, failed, or incomplete: nothing failed, but a step was skipped; it is named,
and dispatch decides whether the car may leave.
Exit: 0 nothing failed (verify: the report is valid), 1 something failed, 69 no service answers, 74
a file cannot be read or written, 78 the configuration cannot be used, or there is no certificate.`,
  undoes: true,
  async run(args) {
    if (args[0] === "verify") return verifyReport(args.slice(1));
    const given = givenIn(args);
    const car = await openCar(given.root);
    using _lock = car.lock;
    const technician = await technicianOf(given);
    const list = await work(given, car, onStopRequest());
    if (!list) return EXIT.failed;
    const finished = await finishCar(car, list, technician);
    print(finished, given.json);
    await handOver(car, finished.jws);
    return finished.report.result === "failed" ? EXIT.failed : EXIT.ok;
  },
};
