import { defineConfig } from "vitest/config";
import { built } from "../src/tools/pages-texts.ts";

/** Names of tests that wait for real time. `npm test` has them. */
const SLOW = [
  // Real brokers and black holes. The simulated connection is held to the same contract here.
  "a connection: the MQTT client and",
  // A name server that hangs, and a host that accepts and says nothing: each waits some seconds.
  "the addresses of a name",
  // Several connections in a row, with the pauses between them.
  "a broker that announces",
  // A day of a car.
  "a recorder that dies takes no number with it",
  "what a new recorder lacks is kept",
  // Thousands of events, and 25 lives.
  ".*the oldest go, declared, but for the first and the newest of each episode",
  ".*the same, and all is accounted for once it has room",
  ".*never give a number twice, and account for all of them",
  ".*that lie too far apart to be declared together stay",
  // Seconds until a limit is reached, or a certificate is made.
  ".*keeps the connection with TLS too",
  ".*who asks too often without the PIN",
  "a certificate that was made after that of the configuration is used",
  // 1,200 messages, one after the other.
  "PUBACK .*that comes a second time",
  // Many MiB.
  ".*a message of 64 MiB",
  ".*40 MiB into a pipe",
  ".*a gzip bomb",
  ".*the largest memory there can be",
  // Hours of one or several units.
  "a gap whose own record is lost before it was delivered .*is declared anew also when more",
  "what dispatch says is heard after chance has ended",
  "a report leaves the car only with a signed receipt, however long",
  ".*150 random lives",
  "a quiet car whose disk takes nothing",
  // A simulation of its own. That each mutant applies is tested here.
  "a mutant is caught",
];

/**
 * What one runs while working: the pure rooms, ports and their contracts, documents. It needs no root, no
 * Debian package and no network, no browser and no pages that are built. 75 s of processor
 * time were measured on two cores, in 42 s.
 */
export default defineConfig({
  plugins: [built],
  test: {
    include: [
      "test/{rooms,unit-config}.test.ts",
      "test/{domain,decode,policy,emergency,commands,wire,dispatch,custody,commissioning,settings,bundle,status,unit,tools}/**/*.test.ts",
      "test/{outbox,sources,runtime,simulation}/**/*.test.ts",
      "test/web/*.test.ts",
      "test/recorder/{open-message,ledger,run-set,receipts,silence,mqtt}.test.ts",
      "test/firmware-bridge/{advance,protocol}.test.ts",
    ],
    exclude: [
      // They fill disks, damage every file of a store, or run the chip for minutes of its time.
      "test/outbox/{damage,full-disk,long-drive,start,upgrade,inspect,outbox}.test.ts",
      // A minute, by its name.
      "test/simulation/minute.test.ts",
      // They drive whole units, for hours of simulated time.
      "test/unit/{unconfirmed,useless-broker,cluster,disk-fails-later,two-brokers-clear,progress}.test.ts",
      "test/simulation/{standstill,world}.test.ts",
      // They wait for real devices.
      "test/unit/receiver.test.ts",
      "test/sources/byte-sources.test.ts",
      // They show the pages in a browser.
      "test/web/browser*.test.ts",
      // It packs the pages, which must be built.
      "test/tools/package/package.test.ts",
      // The parser takes longer to load than all other documents take to be checked.
      "test/tools/asyncapi-parser.test.ts",
    ],
    testNamePattern: new RegExp(`^(?!${SLOW.join("|")})`),
    // Fewer runs of each property: see test/tries.ts.
    env: { PATROL_UNIT_TRIES: "few" },
    reporters: ["default", "./test/closing-line.ts"],
    testTimeout: 30_000,
    maxWorkers: 2,
    // There is no module-level state that one file could leave to the next. It saves a third of the time.
    isolate: false,
  },
});
