import { picture } from "./lamp-picture.ts";

/** The page for technicians. Each command of it is run by test/journeys/technician.test.ts. */

type Row = Parameters<typeof picture>[0];

const LAMP: readonly (readonly [row: Row, what: string, todo: string])[] = [
  ["idle", "ready", "nothing"],
  [
    "no-link",
    "no broker for a minute",
    "`doctor`: lines `broker` and `link`; is the antenna of the modem plugged in?",
  ],
  ["no-host", "the computer is off or starts", "wait a minute; then `systemctl status patrol-unit`"],
  ["fault", "a button, its loop or the disk fails", "`doctor`: lines `panic` and `disk`"],
  ["none", "the board has no power, or the lamp is broken", "the board's 5 V, then the lamp's plug"],
  [
    "done",
    "for a minute: the stick's configuration is installed",
    "leave the ignition on until dispatch sees the car",
  ],
  ["refused", "for a minute: the stick's configuration is not in force", "read `RESULT-….txt` on the stick"],
  ["drill", "a drill begins, then as in an emergency", "–"],
];

const RED: readonly (readonly [part: string, todo: string])[] = [
  ["`gps`", "plug and port; no fix: the antenna under the open sky, a cold start takes minutes"],
  ["`can`", "is the interface up and listen-only? Does the profile fit the car?"],
  ["`panic`", "the button that it names: a wire, a plug, water; the board: USB plug; its firmware: below"],
  ["`clock`", "comes with the first fix of the receiver: first mend `gps`"],
  ["`disk`, `card`", "is the card full, locked or worn out? Replace it"],
  ["`identity`", "the certificate: make a request again and have it signed"],
  ["`trust`", "copy the key of headquarters: below"],
  ["`bundle`", "a configuration on trial: wait until dispatch is reached"],
  [
    "`broker …`",
    "no answer: the modem; refused: ask headquarters for the broker's rules and list of revoked certificates",
  ],
  [
    "`config`",
    "the line names file and key; if it is in `local.yaml`, correct it there, else tell headquarters",
  ],
  ["`rights`", "the service may not write a folder: do what the line says, as root"],
  ["`link`", "as `broker`; which of them the service uses, and for how long not"],
  ["`status`", "another program has the address `status.listen`"],
  ["`service`", "`systemctl status patrol-unit`, then [the RUNBOOK](../systemd/RUNBOOK.md)"],
];

const tableOf = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");

const CAR = `# The technician's page

<!-- Made by npm run generate from src/tools/technician.ts. test/journeys/technician.test.ts runs each command. -->

The package is installed ([README](../README.md), "In a car"). Run the commands as root, in the folder of your files.

\`\`\`sh
ROOT=/var/lib/patrol-unit/root
\`\`\`

## What to plug where

\`\`\`
  GPS antenna ── receiver ── USB ──┐
                                   │  ┌──────────┐
  buttons ── loops A0…A3 ── board ─┼──│ computer │── modem ── antenna
  lamp D13, sounder D8 ─────┘ USB  │  └──────────┘
  vehicle's bus ── CAN interface ──┘        └── USB: the stick with bundles
\`\`\`

The board needs 5 V of its own, and its USB cable. Wires and voltages: [PROTOCOL.md](../firmware-bridge/PROTOCOL.md). The CAN interface
is listen-only. Plug in everything before the first command: it finds the devices by itself.

## A new car

You bring \`hq.pub.pem\`, \`ca.pem\` and the name of the car. Five commands, two before and three after headquarters has signed:

\`\`\`sh
patrol-unit init --root $ROOT --trust hq.pub.pem --ca ca.pem --unit zrenjanin/zr-117 --brokers mqtts://dispatch-a:8883
patrol-unit enrol request --root $ROOT --out zr-117.csr
\`\`\`

\`init\` asks for what it cannot find; \`--gps\`, \`--panic\`, \`--can\` and \`--profile\` answer beforehand. Headquarters makes \`zr-117.pem\` of \`zr-117.csr\` ("For each car"). The key stays in the car. Then:

\`\`\`sh
patrol-unit enrol install zr-117.pem --root $ROOT
systemctl enable --now patrol-unit
patrol-unit doctor --root $ROOT
\`\`\`

When the receiver has a fix, every line must begin with \`ok\`, or with \`warn\` for what you chose. At any time, with dispatch on the telephone, you can press a button within a minute
after this command. It prints how long each step took. Dispatch clears the drill:

\`\`\`sh
patrol-unit drill --root $ROOT
\`\`\`

### Before the car leaves

The commissioning list: it says what to do next, and ticks each step itself. It wants each button pressed as a drill, which dispatch
clears, each signal of the bus changed, each broker reached, and a minute of good positions. At a terminal, Enter: ready to press; \`s\`: skip a
step with a reason; \`q\`: end. It ends with a report that the car signs; dispatch is told. A list with \`FAIL\` keeps the car here; with skipped steps dispatch decides:

\`\`\`sh
patrol-unit commission --root $ROOT --technician 'M. Petrovic'
\`\`\`

The same list is on the unit's page, tab *Check*, in Serbian, Slovene and English: in a browser on the car's own computer (http://127.0.0.1:8080/),
or on your own through \`ssh -L 8080:127.0.0.1:8080\`. From another machine it can be seen and skipped, but no drill can be started there. One list at a
time: if it is open on the page, the command says so.

Take the report to headquarters; \`0001.html\` beside it is the same to print. The number goes up with each list:

\`\`\`sh
cp $ROOT/commissioning/0001.jws zr-117.jws
\`\`\`

## A new configuration

One command. It says what it changes. If the car does not reach dispatch with it, the one before returns by itself:

\`\`\`sh
patrol-unit flash config fleet.patrol --root $ROOT
\`\`\`

Which one is in force, and the way back by hand:

\`\`\`sh
patrol-unit flash status --root $ROOT
patrol-unit flash back --root $ROOT
\`\`\`

## A new version of the software

\`\`\`sh
patrol-unit flash release 1.6.0.release --root $ROOT      # as root; patrol-unit_1.6.0_arm64.deb lies beside it
\`\`\`

It is installed beside the version in force and tried. Leave the ignition on until dispatch has been reached: 5 minutes with coverage at
most. \`patrol-unit --version\` says which version is in force. If dispatch is not reached with the new one, or it does not start, the one before
returns by itself, and dispatch is told why (event \`update\`). A stick with the two files does the same without a computer, and takes the result back; the stick never installs a version
that was taken back in this car. To go back by hand: \`patrol-unit flash release --back\`. Only releases of a key in
\`/etc/patrol-unit/release\` are taken. \`apt install ./patrol-unit_….deb\` installs without a trial; it is needed for a new car, and when the notes of
a release say that the units of systemd or the rules of udev have changed.

## With a stick, without a computer

A stick with FAT or exFAT. Bundles of many cars may be on it: each car takes its own newest one.

\`\`\`sh
cp fleet.patrol /media/stick/
\`\`\`

1. Switch the ignition on, wait for \`idle\`, plug the stick in.
2. Wait for \`done\` or \`refused\`, and a minute more. Pull the stick.
3. On the stick is what happened, and what to do:

\`\`\`sh
cat /media/stick/RESULT-zr-117.txt
\`\`\`
`;

const lampPart = (): string => `## The lamp

A character is a tenth of a second, █ is lit. All patterns of an emergency: [OFFICER.md](OFFICER.md).

${tableOf(
  ["the lamp, in 3 seconds", "what it means", "what to do"],
  LAMP.map(([row, what, todo]) => [
    `\`${picture(row)}\` ${row === "none" ? "" : `\`${row}\``}`.trimEnd(),
    what,
    todo,
  ]),
)}
`;

const redPart = (): string => `## A line of doctor is red

Each line with \`FAIL\` says what to do. Begin at the top: what is below often follows from it.

${tableOf(["line", "first look at"], RED)}

\`\`\`sh
patrol-unit flash firmware --root $ROOT                # panic: an old firmware; the board sees no press meanwhile
cp hq.pub.pem $ROOT/trust/hq.pem                       # trust
\`\`\`
`;

const HEADQUARTERS = `---

# Headquarters

## Once

A certificate authority by openssl, in a folder that is not on a network. Leave out \`-noenc\` for \`ca.key\`: openssl then asks for a
passphrase. \`config\` is that of the checkout.

\`\`\`sh
mkdir ca && cp config/broker/ca.cnf ca/ && touch ca/index.txt && echo 01 > ca/crlnumber
(cd ca && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout ca.key -out ca.pem -days 7300 -subj '/CN=Police fleet')
(cd ca && openssl ca -config ca.cnf -gencrl -out crl.pem)
\`\`\`

The key that signs bundles; \`hq.pub.pem\` goes into the cars, \`hq.pem\` stays here:

\`\`\`sh
patrol-unit bundle keygen --out hq.pem
\`\`\`

## The broker

Its certificate, with the name by which the cars call it, and that of dispatch. The recorder gets its own by the last two lines, with
\`recorder\` instead of \`dispatch\`.

\`\`\`sh
(cd ca && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout broker.key -out broker.csr -subj /CN=dispatch-a -addext subjectAltName=DNS:dispatch-a)
(cd ca && openssl ca -config ca.cnf -name brokers -batch -notext -in broker.csr -out broker.pem)
(cd ca && openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -keyout dispatch.key -out dispatch.csr -subj /CN=dispatch)
(cd ca && openssl ca -config ca.cnf -batch -notext -in dispatch.csr -out dispatch.pem)
\`\`\`

Run these on the broker. A car may write only to topics below its own name, and it may not write
acknowledgements: see [broker/patrol.acl](broker/patrol.acl).

\`\`\`sh
cp config/broker/mosquitto.conf config/broker/patrol.acl /etc/mosquitto/
cp ca/ca.pem ca/crl.pem ca/broker.pem ca/broker.key /etc/mosquitto/
chown mosquitto /etc/mosquitto/broker.key && chmod 600 /etc/mosquitto/broker.key
systemctl restart mosquitto
\`\`\`

## For each car

Look at the name in the request before you sign it: it is the car's right to write.

\`\`\`sh
openssl req -in zr-117.csr -verify -noout -subject
(cd ca && openssl ca -config ca.cnf -batch -notext -in ../zr-117.csr -out zr-117.pem)
\`\`\`

When the technician brings the commissioning report back: whether the car has signed it, and what it says.

\`\`\`sh
patrol-unit commission verify zr-117.jws --ca ca/ca.pem
\`\`\`

## For each configuration

\`fleet/patrol-unit.yaml\` is what all cars share; what belongs to one car is in its \`local.yaml\`.
\`fleet/ca.pem\` is the authority's:

\`\`\`sh
mkdir -p fleet && cp ca/ca.pem fleet/
\`\`\`

\`\`\`yaml
panic: { buttons: { dash: { loop: 0 } } }
report: { movingS: 10 }
dispatch: { brokers: ["mqtts://dispatch-a:8883"], ca: ca.pem }
\`\`\`

A version is higher than the one before. Give \`fleet.patrol\` to the technicians, or publish it, retained, at
\`patrol/v1/zrenjanin/zr-117/bundle\` of each car.

\`\`\`sh
patrol-unit bundle fleet --key hq.pem --for 'zrenjanin/*' --version 1 --out fleet.patrol
\`\`\`

## For each version of the software

Once, a key of its own for releases (\`bundle keygen --out release.pem\`); its public half lies in each car as
\`/etc/patrol-unit/release/hq.pem\`, where only root can change it. Then for each version, with the packages of both architectures:

\`\`\`sh
patrol-unit bundle release --package patrol-unit_1.6.0_amd64.deb --package patrol-unit_1.6.0_arm64.deb \\
  --key release.pem --for 'zrenjanin/*' --out 1.6.0.release
\`\`\`

Give \`1.6.0.release\` and the packages to the technicians. Or put the packages on an HTTPS server, add
\`--from https://…/\` with their folder, and publish the release retained on the topic \`bundle\` of each car: it fetches its package, continues
an interrupted download, and waits while an emergency is open or the ignition is off. One message is retained on that topic: a release
replaces a configuration that a car has not taken yet. A few cars first: each tells dispatch by the event \`update\` whether the version counts.

## A car is stolen

Its certificate does not count any more once the broker has the new list:

\`\`\`sh
(cd ca && openssl ca -config ca.cnf -revoke zr-117.pem && openssl ca -config ca.cnf -gencrl -out crl.pem)
cp ca/crl.pem /etc/mosquitto/ && systemctl restart mosquitto
\`\`\`
`;

/** config/TECHNICIAN.md. */
export const technicianPage = (): string => [CAR, lampPart(), redPart(), HEADQUARTERS].join("\n");
