import { expect, test } from "vitest";
import { EpisodeLegs } from "../../src/status/legs.ts";

const data = (episode: string, state: "active" | "accepted" | "cleared" = "active") => ({
  episode,
  state,
  test: false,
  button: "dash",
  presses: 1,
  attempt: 1,
});

test("each leg is timed from the contact, at its first time only, to a tenth of a millisecond", () => {
  const legs = new EpisodeLegs();
  legs.begin(data("A"), 20, 1_000);
  legs.reached("A", "stored", 1_004.26);
  legs.reached("A", "stored", 2_000);
  legs.reached("A", "sent", 1_050);
  legs.changed({ ...data("A", "accepted"), presses: 2 });
  expect(legs.status).toEqual([
    {
      episode: "A",
      test: false,
      button: "dash",
      state: "accepted",
      presses: 2,
      legs: { stored: 24.3, sent: 70 },
    },
  ]);
});

test("an episode that goes on after a restart has no times: its contact is not known", () => {
  const legs = new EpisodeLegs();
  legs.resume(data("A"));
  legs.reached("A", "sent", 5);
  expect(legs.status).toMatchObject([{ episode: "A", legs: {} }]);
});

test("an episode that is not known is ignored", () => {
  const legs = new EpisodeLegs();
  legs.reached("A", "sent", 5);
  legs.changed(data("A"));
  expect(legs.status).toEqual([]);
});

test("of finished episodes four are still shown, the oldest goes first; open ones stay", () => {
  const legs = new EpisodeLegs();
  legs.begin(data("open"), 0, 0);
  for (let n = 1; n <= 6; n++) {
    legs.begin(data(`E${n}`), 0, n);
    legs.changed(data(`E${n}`, "cleared"));
  }
  legs.begin(data("last"), 0, 9);
  expect(legs.status.map(({ episode }) => episode)).toEqual(["open", "E3", "E4", "E5", "E6", "last"]);
});

test("episodes, drills and presses are counted, each once", () => {
  const legs = new EpisodeLegs();
  legs.resume(data("A"));
  legs.begin(data("B"), 0, 0);
  legs.begin({ ...data("C"), test: true, pressedAt: "2026-11-24T22:00:00.000Z" }, 0, 0);
  legs.changed({ ...data("B"), presses: 4 });
  legs.changed({ ...data("B", "accepted"), presses: 4 });
  legs.changed({ ...data("unknown"), presses: 9 });
  expect(legs.counts).toEqual({ real: 1, drills: 1, presses: 5 });
  expect(legs.status.map(({ pressedAt }) => pressedAt)).toEqual([
    undefined,
    undefined,
    "2026-11-24T22:00:00.000Z",
  ]);
});
