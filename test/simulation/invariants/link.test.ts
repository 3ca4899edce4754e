import type { What } from "../facts.ts";
import { LINK_INVARIANTS } from "./link.ts";
import {
  second,
  running,
  broker,
  up,
  puback,
  birth,
  farewell,
  bornAs,
  forgotten,
  readOnly,
  stopped,
  event,
  sent,
  published,
  connected,
  disconnected,
  powerOff,
  testHistories,
  type Case,
} from "./history.ts";

const SUBACK_REFUSED: What = { what: "suback", broker: "a", connection: 1, code: 0x87 };

/** Another connection has the emergency acknowledged. */
const taken: What = { ...sent(0), connection: 2 } as What;

/** A connection of the link each 20 s, from 250 s on. */
const births = (count: number): (readonly [number, What])[] =>
  Array.from({ length: count }, (_, n) => [250 + 20 * n, bornAs(1, n + 1, n + 1)]);

const SOUND: readonly Case[] = [
  [
    "keeps-a-healthy-link",
    "it goes home and back",
    [[0, ...up, broker(true, "b")], ...births(4), [340, second]],
  ],
  [
    "keeps-a-healthy-link",
    "one broker is not healthy",
    [[0, ...up, broker(false, "b")], ...births(6), [360, second]],
  ],
  ["keeps-a-healthy-link", "it has just become so", [[200, ...up], ...births(6), [360, second]]],
  ["keeps-broker-limits", "nothing", [[1, puback(0)]]],
  [
    "refusal-keeps-connection",
    "it stays",
    [
      [1, puback(0x87)],
      [9, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "a courier has carried everything",
    [
      [1, puback(0x87)],
      [1.04, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "the farewell was refused, and the birth never left",
    [
      [0, farewell],
      [1, puback(0x87)],
      [1.04, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "the farewell was refused",
    [
      [0, birth, farewell],
      [1, puback(0x87)],
      [1.04, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "nothing has been answered for one and a half keepalives",
    [
      [0, birth],
      [30, SUBACK_REFUSED],
      [30.04, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "another connection has taken the emergency that was refused here",
    [
      [0, birth, sent(0x87)],
      [30, event, puback(0x87), taken],
      [30, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "the unit gives it up for an emergency without an answer",
    [
      [1, birth, published(0, 0)],
      [31, puback(0x87)],
      [31, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "the link ends",
    [
      [1, puback(0x87)],
      [1.1, disconnected("link")],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "it stays with one that refuses something",
    [
      [0, ...up, broker(false, "b")],
      [1, connected("b")],
      [100, second],
      [200, second],
      [300, second],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "after two minutes",
    [
      [0, ...up],
      [125, connected()],
      [200, second],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "after two connections to the other that did not last",
    [
      [0, ...up, broker(false, "b")],
      [30, connected("b", 1)],
      [75, disconnected("broker", 1)],
      [90, connected("b", 2)],
      [120, disconnected("broker", 2)],
      [200, second],
      [204, connected()],
      [300, second],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "none is there",
    [
      [0, running, broker(false)],
      [900, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "it is fetched",
    [
      [0, ...up, bornAs(1, 1, 1), { what: "waiting", broker: "a", since: 0 }],
      [590, { what: "waiting", broker: "a" }],
      [900, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "the unit was connected to another broker",
    [
      [0, ...up, bornAs(1, 1, 1), connected("b"), { what: "waiting", broker: "a", since: 0 }],
      [900, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "the unit was connected to another broker, and what waits comes just now",
    [
      [0, ...up, bornAs(1, 1, 1), connected("b", 2)],
      [700, { ...disconnected("broker", 2), broker: "b" } as What],
      [700.9, connected("a", 3)],
      [701, { what: "waiting", broker: "a", since: 5_000 }, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "another host of its name was asked",
    [
      [0, ...up, bornAs(1, 1, 1), { what: "waiting", broker: "a", since: 0 }],
      [5, connected("a'")],
      [900, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "the link was there in an earlier life, whose disk took nothing",
    [
      [0, ...up, bornAs(1, 1, 1)],
      [10, readOnly, stopped, running, { what: "waiting", broker: "a", since: 0 }],
      [900, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "the link was there in an earlier life, which had no time to keep it",
    [
      [0, ...up, bornAs(1, 1, 1)],
      [1, stopped, running, { what: "waiting", broker: "a", since: 0 }],
      [900, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "the broker was not healthy until now",
    [
      [0, ...up, bornAs(1, 1, 1), broker(false), { what: "waiting", broker: "a", since: 0 }],
      [890, broker(true)],
      [900, second],
    ],
  ],
  ["births-go-on", "one connection after another", [[1, bornAs(1, 7, 1), bornAs(1, 8, 2), bornAs(2, 1, 3)]]],
  ["births-go-on", "published again, because it was refused", [[1, bornAs(1, 7, 1), bornAs(1, 7, 1)]]],
  ["births-go-on", "another store", [[1, bornAs(5, 7, 1), bornAs(1, 1, 2, "t")]]],
  ["births-go-on", "the disk took nothing", [[1, readOnly, bornAs(1, 7, 1), stopped, bornAs(1, 3, 2)]]],
  ["births-go-on", "the disk has lost its newest memory", [[1, bornAs(1, 7, 1), forgotten, bornAs(1, 3, 2)]]],
  ["no-untimely-power-off", "in the garage", [[1, powerOff("off", 0)]]],
];

const VIOLATING: readonly Case[] = [
  ["keeps-a-healthy-link", "again and again", [[0, ...up, broker(true, "b")], ...births(6), [360, second]]],
  ["births-go-on", "the same again", [[1, bornAs(1, 7, 1), bornAs(1, 7, 2)]]],
  [
    "births-go-on",
    "a lower connection after a restart",
    [[1, bornAs(1, 7, 1), stopped, running, bornAs(1, 6, 2)]],
  ],
  ["births-go-on", "a lower boot", [[1, bornAs(2, 7, 1), bornAs(1, 8, 2)]]],
  ["keeps-broker-limits", "broken", [[1, { what: "protocol", broker: "a", detail: "2 of 1" }]]],
  [
    "refusal-keeps-connection",
    "the birth has had no answer for a while, and other messages have",
    [
      [0, birth],
      [20, event, puback(0)],
      [31, SUBACK_REFUSED],
      [31, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "another connection has taken an emergency that was taken here as well",
    [
      [0, birth, sent(0)],
      [30, event, puback(0x87), taken],
      [30, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "a PUBACK",
    [
      [0, birth],
      [1, puback(0x87)],
      [1.04, disconnected("unit")],
    ],
  ],
  [
    "refusal-keeps-connection",
    "a SUBACK",
    [
      [0, birth],
      [1, SUBACK_REFUSED],
      [1.04, disconnected("unit")],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "never",
    [
      [0, ...up],
      [131, second],
    ],
  ],
  [
    "finds-a-healthy-broker",
    "the other hangs up again and again",
    [
      [0, ...up, broker(false, "b")],
      ...Array.from(
        { length: 14 },
        (_, i) => [10 * i, connected("b", i), disconnected("broker", i)] as const,
      ),
      [132, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "nobody fetches it",
    [
      [0, ...up, bornAs(1, 1, 1), { what: "waiting", broker: "a", since: 0 }],
      [601, second],
    ],
  ],
  [
    "sessions-are-emptied",
    "the next life does not fetch it",
    [
      [0, ...up, bornAs(1, 1, 1)],
      [10, stopped, running, { what: "waiting", broker: "a", since: 0 }],
      [611, second],
    ],
  ],
  ["no-untimely-power-off", "unknown", [[1, powerOff("unknown", 0)]]],
  ["no-untimely-power-off", "on", [[1, powerOff("on", 0)]]],
  ["no-untimely-power-off", "emergency", [[1, powerOff("off", 1)]]],
];

testHistories(LINK_INVARIANTS, SOUND, VIOLATING);
