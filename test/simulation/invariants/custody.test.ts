import { CUSTODY_INVARIANTS } from "./custody.ts";
import {
  second,
  end,
  disk,
  lamp,
  readOnly,
  stopped,
  MADE_UP,
  onTheWay,
  connected,
  report,
  forgotten,
  gap,
  reply,
  testHistories,
  type Case,
} from "./history.ts";

const SOUND: readonly Case[] = [
  [
    "store-stays",
    "the disk had lost something",
    [[1, { what: "injected", kind: "store breaks" }, { what: "renewed" }]],
  ],
  [
    "nothing-missing",
    "delivered or declared",
    [
      [1, report(1), report(4), report(5), gap(2, 4, [4])],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "numbers of a life that died without a disk",
    [
      [1, report(1), readOnly, report(MADE_UP), report(MADE_UP + 2), stopped],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "a number of such a life arrives after it",
    [
      [1, report(1), readOnly, onTheWay(MADE_UP), stopped],
      [2, report(MADE_UP)],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "numbers of such a life arrive after it, in one message",
    [
      [1, report(1), readOnly, report(MADE_UP), stopped],
      [2, report(MADE_UP + 3), report(MADE_UP + 2)],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "nothing is left of the memory, and a new store begins",
    [
      [1, report(1), report(3), forgotten],
      [2, report(1, "t")],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "a new store must begin, and one has begun within a day",
    [
      [1, report(1), report(3)],
      [2, { what: "renewed-today" }],
      [90, end],
    ],
  ],
  ["number-once", "nothing", [[1, report(1)]]],
  ["readable", "nothing", [[1, report(1)]]],
  [
    "answer-stays",
    "it does",
    [
      [1, reply(true)],
      [2, reply(true)],
    ],
  ],
  ["within-limits", "at its limit", [[1, { what: "queue", name: "q", length: 5, limit: 5 }]]],
  ["no-exception", "nothing", [[1, second]]],
  [
    "settles",
    "all is well",
    [
      [0, connected()],
      [9, end],
    ],
  ],
];

const VIOLATING: readonly Case[] = [
  [
    "nothing-missing",
    "a number far from those of such a life",
    [
      [1, report(1), readOnly, report(MADE_UP), stopped],
      [2, report(MADE_UP + 20_000)],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "a hole",
    [
      [1, report(1), report(3)],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "a kept number that never comes",
    [
      [1, report(1), report(5), gap(2, 4, [3])],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "nothing is left of the memory, and the store goes on",
    [
      [1, report(1), report(3), forgotten],
      [2, report(4)],
      [90, end],
    ],
  ],
  [
    "nothing-missing",
    "a new store begins, and the memory is whole",
    [
      [1, report(1), report(3)],
      [2, report(1, "t")],
      [90, end],
    ],
  ],
  ["store-stays", "it does not", [[1, { what: "injected", kind: "power cut" }, { what: "renewed" }]]],
  ["number-once", "twice", [[1, { what: "reused", store: "s", seq: 1, detail: "kind" }]]],
  ["readable", "rubbish", [[1, { what: "unreadable", topic: "event", detail: "v" }]]],
  [
    "answer-stays",
    "it changes",
    [
      [1, reply(true)],
      [2, reply(false)],
    ],
  ],
  ["within-limits", "above it", [[1, { what: "queue", name: "q", length: 6, limit: 5 }]]],
  ["no-exception", "one", [[1, { what: "exception", detail: "TypeError" }]]],
  [
    "settles",
    "reports wait",
    [
      [0, connected()],
      [9, { what: "end", pending: 3 }],
    ],
  ],
  [
    "settles",
    "an episode is open",
    [
      [0, connected(), disk([{}])],
      [9, end],
    ],
  ],
  [
    "settles",
    "the lamp is not idle",
    [
      [0, connected(), lamp("fault")],
      [9, end],
    ],
  ],
  [
    "settles",
    "a courier stays",
    [
      [0, connected(), connected("b", 2)],
      [9, end],
    ],
  ],
  ["settles", "no connection", [[9, end]]],
];

testHistories(CUSTODY_INVARIANTS, SOUND, VIOLATING);
