import type { What } from "../facts.ts";
import { LAMP_INVARIANTS } from "./lamp.ts";
import {
  second,
  running,
  sound,
  broker,
  up,
  disk,
  lamp,
  acked,
  puback,
  forgotten,
  over,
  pingresp,
  published,
  sent,
  readOnly,
  connected,
  disconnected,
  testHistories,
  E,
  type Case,
} from "./history.ts";

const REMOVAL = `patrol/v1/zrenjanin/zr-117/emergency/${E}`;
const removal = { ...published(0, 0), topic: REMOVAL } as What;
const removed = (code: number): What => ({ ...sent(code), topic: REMOVAL }) as What;

const anew = { ...published(0, 0), report: { store: "k3v9q0ab", seq: 9, presses: 4 } } as What;

const SOUND: readonly Case[] = [
  [
    "lamp-is-true",
    "stage by stage",
    [
      [1, disk([{}])],
      [2, lamp("stored")],
      [3, sent(0), lamp("sent")],
      [4, acked("received"), lamp("received")],
      [5, disk([]), lamp("idle")],
    ],
  ],
  [
    "lamp-is-true",
    "sent from memory, the disk takes nothing",
    [
      [1, readOnly, sent(0)],
      [2, lamp("sent")],
    ],
  ],
  [
    "lamp-is-true",
    "it goes on as the store says: its end was never on disk",
    [
      [1, disk([{}])],
      [2, sent(0), acked("accepted"), lamp("accepted")],
      [3, disk([]), lamp("idle")],
      [300, { what: "adopted", episode: E }, lamp("accepted")],
    ],
  ],
  [
    "lamp-is-true",
    "made anew from presses that the board tells again, long after the lamp forgot its end",
    [
      [1, disk([{}])],
      [2, sent(0), acked("accepted"), lamp("accepted")],
      [3, disk([]), lamp("idle")],
      [10, disk([{ id: "F" }]), lamp("stored")],
      [40, disk([])],
      [41, anew, lamp("accepted")],
    ],
  ],
  [
    "lamp-is-right",
    "it follows within 5 s",
    [
      [0, ...up],
      [1, disk([{}])],
      [5, lamp("stored")],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "dark: idle",
    [
      [0, ...up],
      [1, disk([{ dark: true }])],
      [5, lamp("idle")],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "the end is on the lamp a moment before it is on disk",
    [
      [0, ...up, disk([{}]), lamp("stored")],
      [8.999, lamp("idle")],
      [9, second],
      [9.001, disk([])],
      [15, second],
    ],
  ],
  [
    "lamp-is-right",
    "the board has no power",
    [
      [0, running],
      [1, disk([{}])],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "a real one before a drill",
    [
      [0, ...up],
      [1, disk([{ test: true }, { id: "F", state: "received" }]), lamp("received")],
      [9, second],
    ],
  ],
  [
    "lamp-is-right",
    "the disk takes nothing",
    [
      [0, running, sound, disk([{ state: "accepted" }]), readOnly],
      [9, second],
    ],
  ],
  [
    "lamp-is-right",
    "no-link, and the newest report found nobody",
    [
      [0, ...up, connected(), lamp("no-link"), disk([])],
      [1, puback(0)],
      [3, puback(0x10)],
      [9, second],
    ],
  ],
  [
    "lamp-is-right",
    "no-link, reports were refused, and only the removal of a retained copy has been accepted since",
    [
      [0, ...up, connected(), lamp("no-link"), disk([])],
      [1, puback(0x95)],
      [2, sent(0)],
      [90, second],
    ],
  ],
  [
    "lamp-is-true",
    "the vital file is lost, and the store has a copy of the memory",
    [
      [1, disk([{}]), acked("received")],
      [2, forgotten],
      [9, disk([]), lamp("received")],
    ],
  ],
  [
    "lamp-says-no-link",
    "it does",
    [
      [0, running, sound, broker(false)],
      [60, lamp("no-link")],
      [90, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "nobody listens, which shows with the next report",
    [
      [0, running, sound, broker(false)],
      [40, puback(0x10)],
      [100, lamp("no-link")],
      [101, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "nobody listens, which the removal of a copy does not show",
    [
      [0, running, sound, broker(false)],
      [28, removal, removed(0x10)],
      [40, puback(0x10)],
      [99, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "an open connection serves, and nothing fits it",
    [
      [0, running, sound, broker(false)],
      [5, puback(0)],
      [60, pingresp],
      [120, pingresp, second],
    ],
  ],
];

const VIOLATING: readonly Case[] = [
  [
    "lamp-is-true",
    "an episode that the store's copy of the memory had has ended",
    [
      [1, disk([{}]), acked("received")],
      [2, forgotten, over(1)],
      [9, lamp("received")],
    ],
  ],
  ["lamp-is-true", "stored before it is", [[2, lamp("stored")]]],
  [
    "lamp-is-true",
    "sent to nobody",
    [
      [1, disk([{}])],
      [2, sent(0x10), lamp("sent")],
    ],
  ],
  [
    "lamp-is-true",
    "sent though refused",
    [
      [1, disk([{}])],
      [2, sent(0x87), lamp("sent")],
    ],
  ],
  [
    "lamp-is-true",
    "accepted by nobody",
    [
      [1, disk([{}])],
      [2, sent(0), acked("received"), lamp("accepted")],
    ],
  ],
  [
    "lamp-is-right",
    "no-host, and there is one",
    [
      [0, ...up, disk([]), lamp("no-host")],
      [9, second],
    ],
  ],
  [
    "lamp-is-right",
    "it stays idle",
    [
      [0, ...up],
      [1, disk([{}])],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "the end is on the lamp, and the episode is open",
    [
      [0, ...up, disk([{}]), lamp("stored")],
      [8, lamp("idle")],
      [10, second],
    ],
  ],
  [
    "lamp-is-right",
    "it does not end",
    [
      [0, ...up],
      [1, disk([{}])],
      [2, lamp("stored")],
      [3, disk([])],
      [9, second],
    ],
  ],
  [
    "lamp-is-right",
    "no-link, and reports are delivered",
    [
      [0, ...up, connected(), lamp("no-link"), disk([])],
      [1, puback(0)],
      [7, second],
    ],
  ],
  [
    "lamp-is-right",
    "no-link on a healthy connection",
    [
      [0, ...up, connected(), lamp("no-link"), disk([])],
      [66, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "report after report finds nobody",
    [
      [0, running, sound, broker(false)],
      [40, puback(0x10)],
      [90, puback(0x10)],
      [136, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "the broker answers pings, and nobody listens there",
    [
      [0, running, sound, broker(false)],
      [20, puback(0x10)],
      [60, pingresp],
      [90, pingresp],
      [116, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "a connection ended, and it stays idle for more than a minute",
    [
      [0, running, sound, broker(false), connected()],
      [20, disconnected("link")],
      [96, second],
    ],
  ],
  [
    "lamp-says-no-link",
    "it stays idle",
    [
      [0, running, sound, broker(false)],
      [96, second],
    ],
  ],
];

testHistories(LAMP_INVARIANTS, SOUND, VIOLATING);
