import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { advance } from "../../firmware-bridge/advance.ts";
import { createBoardFramer } from "../../firmware-bridge/framer.ts";
import {
  decodeFromBoard,
  encodeFromBoard,
  encodeToBoard,
  START_SYSEX,
  END_SYSEX,
  PANIC_SYSEX,
} from "../../firmware-bridge/protocol.ts";
import { readPayload, writePayload, type FromBoard } from "../../firmware-bridge/from-board.ts";
import { INITIAL, type Input } from "../../firmware-bridge/state.ts";
import { parseCandumpLine } from "../../src/decode/can/candump.ts";
import { createMatcher } from "../../src/decode/can/message.ts";
import { DbcError } from "../../src/decode/dbc/database.ts";
import { dbcText, parseDbc } from "../../src/decode/dbc/parser.ts";
import { createNmeaDecoder } from "../../src/decode/nmea/decoder.ts";
import { ConfigurationError } from "../../src/settings/fault.ts";
import { settingsOf } from "../../src/settings/load.ts";
import { readDocument } from "../../src/settings/document.ts";
import { openMessage } from "../../src/recorder/open-message.ts";
import { readTopic } from "../../src/recorder/topics.ts";
import { gapData, UNIT, wire } from "../recorder/reports.ts";
import { openBundles } from "./bundles.ts";
import { openDownlink } from "./downlink.ts";
import { openFirmware } from "./firmware.ts";
import type { Coverage, Run } from "./fuzz.ts";
import { serve } from "./served.ts";

/**
 * What comes from outside, one entry each. `run` must not throw whatever the input is, and checks what must be true of the
 * result.
 */
export type Surface = {
  readonly seeds: readonly Buffer[];
  readonly words: readonly string[];
  /** What its coverage counts; left out: characters of our code, as V8 sees them. */
  readonly counts?: string;
  /** Called before the first run. */
  open(): Promise<Run | { readonly run: Run; readonly coverage: Coverage }>;
};

const expect = (isTrue: boolean, what: string): void => {
  if (!isTrue) throw new Error(what);
};
const of = (...texts: readonly string[]): Buffer[] => texts.map((text) => Buffer.from(text, "latin1"));
const ready = (run: (input: Buffer) => void) => () => Promise.resolve(run);
const file = (name: string): Buffer => readFileSync(`config/${name}`);

/** Each sentence with the checksum that it should have: a changed one would go no further. */
const withChecksums = (text: string): string =>
  text.replaceAll(/\$([^*\r\n$]*)\*[0-9A-Fa-f]{2}/g, (_, body: string) => {
    const sum = Buffer.from(body, "latin1").reduce((all, byte) => all ^ byte, 0);
    return `$${body}*${sum.toString(16).toUpperCase().padStart(2, "0")}`;
  });

const nmea: Surface = {
  seeds: of(
    "$GPRMC,085823.12,A,4523.0000,N,02023.4000,E,12.5,84.4,221126,,,A*6C\r\n$GPGGA,085823.12,4523.0000,N,02023.4000,E,1,09,0.9,80.0,M,45.0,M,,*5A\r\n",
    "$GNGSA,A,3,01,02,03,,,,,,,,,,1.8,1.0,1.5,1*33\r\n$GPGSV,1,1,04,01,40,083,46,02,17,308,41,12,07,344,39,14,22,228,45*7A\r\n",
    "$GNGST,085823.00,1.0,2.0,3.0,45.0,4.0,5.0,6.0*70\r\n$GNZDA,085823.00,22,11,2026,00,00*7C\r\n",
  ),
  words: [
    "$GPRMC,",
    "$GNGGA,",
    "$GNGNS,",
    "$GPGST,",
    "$GPZDA,",
    "$GPGSV,",
    "*00\r\n",
    ",,,",
    "\r\n",
    "!AIVDM,",
    "235960.00",
  ],
  open: ready((input) => {
    const decoder = createNmeaDecoder(({ at, lat, lon }) => {
      expect(Math.abs(lat) <= 90 && Math.abs(lon) <= 180, `a position at ${lat}, ${lon}`);
      expect(!Number.isNaN(at), "a fix without a time");
    });
    const [choice = 0] = input;
    const bytes = choice % 2 === 0 ? Buffer.from(withChecksums(input.toString("latin1")), "latin1") : input;
    const cut = choice % Math.max(1, bytes.length);
    decoder.push(bytes.subarray(0, cut), 0);
    decoder.push(bytes.subarray(cut), 100);
    decoder.end();
  }),
};

const SETTING = {
  path: "/dev/board",
  bauds: [38_400, 57_600],
  loops: [0, 1],
  darkLoops: [1],
  mayTest: false,
  lampSense: true,
  timing: { refreshMs: 250, identifyMs: 2_000, silentMs: 3_000 },
};
const PIECE = 50;
const payloadOf = (message: FromBoard): Buffer => {
  const { type, payload } = writePayload(message);
  return Buffer.from([type, ...payload]);
};
const PRESS: FromBoard = {
  kind: "press",
  press: { board: "1a2b3c4d", number: 1, loop: 0, count: 1, ageMs: 0 },
};
const sysex: Surface = {
  seeds: [
    Buffer.from(encodeFromBoard(PRESS)),
    payloadOf(PRESS),
    ...of("\xf0\x79\x02\x05p\x00a\x00\xf7", "\xe0\x00\x7f\xc0\x01"),
  ],
  words: ["\xf0\x0b", "\xf7", "\xf0\x79", "\xff"],
  open: ready((input) => {
    let { state } = advance(INITIAL, { is: "opened", at: 0 }, SETTING);
    let at = 0;
    const give = (one: Input) => ({ state } = advance(state, one, SETTING));
    const push = createBoardFramer({
      panic(body) {
        const whole = Uint8Array.from([START_SYSEX, PANIC_SYSEX, ...body, END_SYSEX]);
        const message = decodeFromBoard(whole);
        if (!message) return;
        expect(Buffer.from(encodeFromBoard(message)).equals(whole), "a message has two spellings");
        give({ is: "message", at: (at += 100), message });
      },
      firmata: (bytes) => give({ is: "firmata", at: (at += 100), bytes }),
      broken: () => undefined,
    });
    // A changed message of ours has a wrong CRC, and goes no further: so each piece is also read as one with the right CRC.
    for (let from = 0; from < input.length; from += PIECE) {
      const piece = input.subarray(from, from + PIECE);
      push(piece);
      const message = readPayload((piece[0] ?? 0) & 0x7f, piece.subarray(1));
      if (message) push(encodeFromBoard(message));
    }
    give({ is: "tick", at: at + 5_000 });
  }),
};

const BOARD = "1a2b3c4d";
/** What comes over the line, after no byte of EEPROM. */
const onTheLine = (...bytes: readonly (Uint8Array | number)[]): Buffer =>
  Buffer.concat([0, ...bytes].map((one) => (typeof one === "number" ? Buffer.of(one) : one)));
const PRESSED = [0xf8, 0x00, 0xfd, 60, 0xf8, 0x80];
const firmware: Surface = {
  seeds: [
    onTheLine(encodeToBoard({ kind: "query" })),
    onTheLine(...PRESSED, encodeToBoard({ kind: "confirm", number: 17 }), 0xfd, 200),
    onTheLine(encodeToBoard({ kind: "calibrate", board: BOARD, supplyMv: 5_000 }), 0xfd, 250),
    onTheLine(encodeToBoard({ kind: "update", board: BOARD, consent: true })),
    onTheLine(0xf4, 3, 3, 0xe3, 0x7f, 0, 0xd0, 1, 0xc4, 1, START_SYSEX, 0x6b, END_SYSEX, 0xff),
    onTheLine(START_SYSEX, 0x6f, 3, 0x7f, 1, END_SYSEX, START_SYSEX, 0x6d, 3, END_SYSEX, 0xf9),
  ],
  words: ["\x01\x01", "\x0b"],
  counts: "blocks of the firmware",
  open: openFirmware,
};

const VEHICLES = ["skoda-octavia-iii", "toyota-rav4", "j1939-van"];
const can: Surface = {
  seeds: of(
    "(1700000000.000000) can0 3D5#0011223344556677\n",
    "(1.5) can0 18FEF100#FF0010FFFFFFFFFF\n",
    "(1) can0 1B4##1001122",
  ),
  words: ["#R", "##1", "can0 ", "20000000#", "\n"],
  async open() {
    const databases = VEHICLES.map((name) => parseDbc(dbcText(file(`vehicles/${name}.dbc`)), name));
    const ids = databases.flatMap(({ messages }) => messages);
    const matchers = databases.map(createMatcher);
    return (input) => {
      for (const line of input.toString("latin1").split("\n")) {
        const read = parseCandumpLine(line);
        if (typeof read === "string") continue;
        // A random id is nobody's: each frame is also tried as one that is known.
        const { id, extended } = ids[read.id % ids.length]!;
        for (const frame of [read, { ...read, id, extended }])
          for (const find of matchers)
            for (const { present, raw, physical, label } of find(frame)?.signals ?? []) {
              if (present && !present(frame.data)) continue;
              raw(frame.data);
              expect(!Number.isNaN(Number(physical(frame.data) ?? 0)), "not a number");
              label(frame.data);
            }
      }
    };
  },
};

const dbc: Surface = {
  seeds: VEHICLES.map((name) => file(`vehicles/${name}.dbc`)),
  words: [
    "BO_ ",
    "SG_ ",
    "VAL_ ",
    "SIG_VALTYPE_ ",
    "SG_MUL_VAL_ ",
    "BA_ ",
    "BA_DEF_ ",
    "CM_ ",
    "m0M",
    " : 0|64@1- ",
    '"',
    ";\n",
  ],
  open: ready((input) => {
    try {
      const data = Uint8Array.from({ length: 8 }, (_, n) => n * 37);
      const database = parseDbc(dbcText(input), "fuzz.dbc");
      const find = createMatcher(database);
      for (const { id, extended } of database.messages)
        for (const { physical } of find({ t: 0, bus: "can0", id, extended, data })?.signals ?? [])
          physical(data);
    } catch (cause) {
      if (!(cause instanceof DbcError)) throw cause;
    }
  }),
};

const yaml: Surface = {
  seeds: [file("patrol-unit.yaml"), ...VEHICLES.map((name) => file(`vehicles/${name}.yaml`))],
  words: [
    "unit: ",
    "&a ",
    "*a",
    "!!binary ",
    "<<: ",
    "|\n",
    "- ",
    "{",
    "[",
    "? ",
    "dispatch:\n  brokers: ",
    "mqtts://",
    "\t",
    "---\n",
  ],
  open: ready((input) => {
    try {
      const { settings, faults } = settingsOf(readDocument(input.toString("utf8"), "/nowhere/fuzz.yaml"));
      expect(settings !== undefined || faults.length > 0, "neither settings nor a fault");
    } catch (cause) {
      if (!(cause instanceof ConfigurationError)) throw cause;
    }
  }),
};

const TOPICS = ["history", "position", "event", "state", "emergency/01JDD3ZZZZZZZZZZZZZZZZZZZZ"];
const history: Surface = {
  seeds: [
    wire(1),
    wire(2, { kind: "event", data: gapData(1, 4, [2]) }),
    { state: "online", unit: UNIT, boot: 1, version: "1" },
  ].map((one) => Buffer.from(`\x01${JSON.stringify(one)}\n`)),
  words: Object.keys(wire(1)).map((key) => `"${key}":`),
  open: ready((input) => {
    const [choice = 0] = input;
    const topic = `patrol/v1/${UNIT}/${TOPICS[(choice >> 1) % TOPICS.length]}`;
    const body = input.subarray(1);
    const where = readTopic("patrol/v1", topic)!;
    const { accepted } = openMessage(topic, where, choice % 2 === 1 ? gzipSync(body, { level: 1 }) : body);
    for (const { report } of accepted) {
      expect(report.unit === UNIT, "a report of another unit");
      JSON.parse(report.data);
    }
  }),
};

export const SURFACES: Readonly<Record<string, Surface>> = {
  nmea,
  sysex,
  firmware,
  can,
  dbc,
  yaml,
  history,
  bundle: {
    seeds: of("\x01{}", "\x00eyJhbGciOi.a.b"),
    words: ['"files":[', '"type":', '"for":', '"version":', '"path":"../', '"base64":', "."],
    open: openBundles,
  },
  downlink: {
    seeds: of(
      '\x00{"stage":"accepted","by":"x","at":"2026-11-22T08:58:40.000Z"}',
      '\x01{"id":"a","kind":"ping","expiresAt":"2026-11-22T09:00:00.000Z"}',
      '\x02{"store":"k3v9q0ab","upTo":9,"missing":[[2,3]],"by":"db","at":"2026-11-22T08:58:40.000Z"}',
      '\x03{"jws":"eyJhbGciOiJFZERTQSJ9.e30.AAAA"}',
    ),
    words: ['"stage":', '"cleared"', '"id":', '"missing":[[', '"jws":"', '"__proto__":', "]]"],
    open: openDownlink,
  },
  http: {
    seeds: of(
      "GET /status.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
      "POST /drill HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
      "POST /commissioning/list/step HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
      "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic OjQ3MTE=\r\nCookie: a=b\r\n\r\n",
    ),
    words: [
      "GET /",
      "HEAD /",
      "DELETE /",
      "Host: ",
      "Origin: null\r\n",
      "\r\n\r\n",
      "/events",
      "/../",
      "%2e",
      "?a=",
      "Expect: 100-continue\r\n",
    ],
    open: serve,
  },
};
