import { expect, test } from "vitest";
import { problemsOf, type Found } from "../../src/cli/lib/outbox-summary.ts";

const found = (missing: number, leased: number): Found => ({
  account: { boot: 1, next: 10, pending: 0, missing, leased },
  openEpisodes: [],
  news: [],
  damaged: { emergency: 0, event: 0, telemetry: 0 },
});

test.each(["stats", "verify"])(
  "the outbox of a running service: `%s` names itself as the command to repeat",
  (action) => {
    expect(problemsOf(found(0, 3), action)).toEqual([
      `3 numbers are reserved by a service that runs now, or was killed. This is no damage: stop the service and run \`outbox ${action}\` again`,
    ]);
  },
);
