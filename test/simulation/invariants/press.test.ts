import { PRESS_INVARIANTS } from "./press.ts";
import {
  second,
  end,
  running,
  sound,
  broker,
  birth,
  up,
  press,
  acked,
  dropped,
  released,
  held,
  arrived,
  disk,
  confirmed,
  sent,
  handed,
  readOnly,
  stopped,
  published,
  connected,
  testHistories,
  type Case,
} from "./history.ts";

const SOUND: readonly Case[] = [
  [
    "held-is-true",
    "a press that its disk knows, in each report that says it",
    [
      [1, arrived(1), disk([{ first: "b#1" }]), released(200), released(900, 2)],
      [2, held(202), arrived(1), held(202)],
    ],
  ],
  ["held-is-true", "a press that only the memory knows", [[1, released(200), released(900, 2), held(880)]]],
  ["held-is-true", "nothing is said", [[1, arrived(1), released(200)]]],
  [
    "press-arrives",
    "two presses in two episodes",
    [
      [1, press(), press(2)],
      [2, arrived(1), arrived(1, "F")],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "repeats of an episode",
    [
      [1, press(), press(2)],
      [2, arrived(1), arrived(2), arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "an open episode goes on from an older count, since the disk has lost the newer one",
    [
      [1, press(1), arrived(1), press(2), arrived(2), disk([{}], true)],
      [2, press(3), arrived(2)],
      [9, end],
    ],
  ],
  [
    "press-in-time",
    "an open episode goes on from an older count, since the disk has lost the newer one",
    [
      [0, ...up],
      [1, press(1), arrived(1), press(2), arrived(2), disk([{}], true)],
      [2, press(3), arrived(2)],
      [20, second],
    ],
  ],
  [
    "press-arrives",
    "a press that the board could not keep arrives",
    [
      [1, press(1, false)],
      [2, arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "… or does not",
    [
      [1, press(1, false)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "an airbag opens an episode",
    [
      [1, { what: "alarm", by: "airbag" }],
      [2, arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "a disk that lied lost one",
    [
      [1, press()],
      [2, disk([], true)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "presses without a slot are published from memory, and again by the next life",
    [
      [0, running, readOnly],
      [1, press(), press(1, false), press(1, false), handed(true)],
      [2, arrived(3), stopped, disk([], true)],
      [9, running, arrived(3, "F"), end],
    ],
  ],
  [
    "press-arrives",
    "a press is published from memory, and the life ends before the disk, which takes writes again, has it",
    [
      [0, running, readOnly],
      [1, press(), handed(true)],
      [2, arrived(1), { what: "disk", writable: true }, stopped],
      [9, running, arrived(1, "F"), end],
    ],
  ],
  [
    "press-in-time",
    "it arrives after 9 s",
    [
      [0, ...up],
      [1, press()],
      [10, arrived(1)],
      [20, second],
    ],
  ],
  [
    "press-in-time",
    "the disk is slow when the unit starts",
    [
      [0, sound, broker(true), { what: "disk", writable: false }, running],
      [1, press()],
      [20, second],
      [40, { what: "disk", writable: true }],
      [49, second, arrived(1)],
      [60, second],
    ],
  ],
  [
    "press-in-time",
    "it waits for a broker",
    [
      [0, running, sound],
      [1, press()],
      [60, broker(true)],
      [69, second],
      [69, arrived(1)],
      [80, second],
    ],
  ],
  [
    "press-in-time",
    "the broker refused the emergency before",
    [
      [0, ...up],
      [1, press(), sent(0x87)],
      [20, second],
    ],
  ],
  [
    "press-arrives",
    "the only broker dropped it",
    [
      [0, running, sound],
      [1, press(), dropped(1)],
      [2, end],
    ],
  ],
  [
    "press-in-time",
    "the only broker dropped it, and another one is healthy later",
    [
      [0, running, sound],
      [1, press(), dropped(1)],
      [60, broker(true)],
      [80, second],
    ],
  ],
  [
    "press-in-time",
    "a broker dropped it, and dispatch ended the episode before a courier was elsewhere",
    [
      [0, ...up],
      [1, press(), dropped(1)],
      [2, acked("cleared")],
      [20, second],
    ],
  ],
  [
    "press-in-time",
    "the broker was healthy for a while only",
    [
      [0, ...up],
      [1, press()],
      [6, broker(false)],
      [20, second],
    ],
  ],
  ["confirmed-is-stored", "it is", [[1, disk([{}], false, { below: 1 }), confirmed]]],
  ["press-waits-for-one", "one large message", [[1, published(3_000, 3_000)]]],
  [
    "press-leaves",
    "the window is small",
    [
      [0, connected("a", 1, { receiveMaximum: 1 }), birth],
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "press-leaves",
    "it is too large for the broker",
    [
      [0, connected("a", 1, { maximumPacketSize: 420 }), birth],
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "press-leaves",
    "the connection visits a session",
    [
      [0, connected()],
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "press-leaves",
    "it leaves",
    [
      [0, connected(), birth],
      [1, disk([{}])],
      [2, published(0, 0)],
      [9, second],
    ],
  ],
  [
    "press-leaves",
    "there is no connection",
    [
      [1, disk([{}])],
      [9, second],
    ],
  ],
  [
    "press-leaves",
    "the broker refused another",
    [
      [0, connected(), birth, sent(0x87)],
      [1, disk([{}])],
      [9, second],
    ],
  ],
];

const VIOLATING: readonly Case[] = [
  ["held-is-true", "it changes", [[1, released(200), held(200), held(201)]]],
  ["held-is-true", "it is too long", [[1, disk([{ first: "b#1" }]), released(200), held(251)]]],
  ["held-is-true", "no press is released yet", [[1, disk([{ first: "b#1" }]), held(200)]]],
  [
    "held-is-true",
    "it is that of another press",
    [[1, disk([{ first: "b#1" }]), released(200), released(900, 2), held(900)]],
  ],
  [
    "press-arrives",
    "one is lost",
    [
      [1, press(), press(2)],
      [2, arrived(1)],
      [9, end],
    ],
  ],
  [
    "press-arrives",
    "one is counted twice",
    [
      [1, press()],
      [2, arrived(1), arrived(1, "F")],
    ],
  ],
  [
    "press-arrives",
    "presses without a slot are counted again although they were confirmed",
    [
      [0, running],
      [1, press(), press(1, false), press(1, false), handed(true)],
      [2, arrived(3), confirmed, readOnly, stopped],
      [9, running, arrived(3, "F"), end],
    ],
  ],
  [
    "press-arrives",
    "a press that the disk has is counted again",
    [
      [0, running, readOnly],
      [1, press(), handed(true)],
      [2, arrived(1), { what: "disk", writable: true }, disk([{ first: "b#1" }]), stopped],
      [9, running, arrived(1, "F"), end],
    ],
  ],
  [
    "press-in-time",
    "the broker refused an emergency before, and has accepted one since",
    [
      [0, ...up],
      [1, sent(0x87)],
      [40, sent(0), press()],
      [60, second],
    ],
  ],
  [
    "press-arrives",
    "a broker dropped it while another one was healthy",
    [
      [0, ...up],
      [1, press(), dropped(1)],
      [2, end],
    ],
  ],
  [
    "press-in-time",
    "a broker dropped it while another one was healthy",
    [
      [0, ...up],
      [1, press(), dropped(1)],
      [20, second],
    ],
  ],
  [
    "press-in-time",
    "a broker dropped it, and a courier had time before dispatch ended the episode",
    [
      [0, ...up],
      [1, press(), dropped(1)],
      [7, acked("cleared")],
      [20, second],
    ],
  ],
  [
    "press-in-time",
    "it is late",
    [
      [0, ...up],
      [1, press()],
      [12, second],
    ],
  ],
  [
    "press-in-time",
    "the disk is slow when the unit starts, and the unit connects all the same",
    [
      [0, sound, broker(true), { what: "disk", writable: false }, running],
      [1, press()],
      [2, connected()],
      [20, second],
    ],
  ],
  [
    "press-in-time",
    "the second one is late",
    [
      [0, ...up],
      [1, press(), arrived(1), press(2)],
      [12, second],
    ],
  ],
  ["confirmed-is-stored", "it is not", [[1, disk([{}], false, { numbers: [2] }), confirmed]]],
  ["press-waits-for-one", "many messages", [[1, published(3_000, 100)]]],
  [
    "press-leaves",
    "it does not leave",
    [
      [0, connected(), birth],
      [1, disk([{}])],
      [9, second],
    ],
  ],
];

testHistories(PRESS_INVARIANTS, SOUND, VIOLATING);
