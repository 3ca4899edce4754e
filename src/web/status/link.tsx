import type { JSX } from "preact";
import type { Snapshot } from "../../domain/snapshot.ts";
import { faultWords } from "../viewer/fault-words.ts";
import { useFormat } from "../viewer/number-format.ts";
import { shownSpan } from "../viewer/time.ts";
import { Time, useViewer } from "../viewer/viewer.tsx";
import { Chart } from "./chart.tsx";
import { Events } from "./events.tsx";
import { seriesOf } from "./moments.ts";
import { Facts, Panel } from "./parts.tsx";
import { useWords } from "./words.ts";

type Props = { readonly snapshot: Snapshot; readonly now: number };
type BrokerLine = NonNullable<Snapshot["link"]["brokers"]>[number];

const LANES = ["emergency", "event", "telemetry"] as const;

const Waiting = ({ snapshot, now }: Props): JSX.Element => {
  const { link: words } = useWords();
  const { number, quantity } = useFormat();
  const { records, oldestAgeS, bytes, history, lanes = {} } = snapshot.outbox;
  const byLane = LANES.filter((lane) => lanes[lane]).map(
    (lane) => `${words.lanes[lane]}: ${number(lanes[lane] ?? 0)}`,
  );
  return (
    <Panel title={words.outbox}>
      <Facts
        of={[
          [words.waiting, number(records)],
          [words.byLane, byLane.join(", ")],
          [words.oldest, oldestAgeS === undefined ? words.nothingWaits : shownSpan(oldestAgeS * 1_000)],
          [words.size, quantity(bytes / 1_048_576, "MiB", 1)],
        ]}
      />
      <Chart
        title={words.waitingChart}
        series={seriesOf(snapshot, history?.monoS ?? [], history?.records ?? [], now)}
      />
    </Panel>
  );
};

const Receipts = ({ snapshot }: { readonly snapshot: Snapshot }): JSX.Element => {
  const { link: words } = useWords();
  const { number } = useFormat();
  const { custody } = snapshot.link;
  return (
    <Panel title={words.receipts}>
      <Facts
        of={[
          [words.responsible, custody && words[custody.mode]],
          [words.recorder, custody?.by],
          [words.upTo, custody?.upTo === undefined ? undefined : number(custody.upTo)],
          [
            words.receiptAge,
            custody?.receiptAgeS === undefined
              ? undefined
              : words.ago(shownSpan(custody.receiptAgeS * 1_000)),
          ],
          [words.unreceipted, custody && number(custody.unreceipted)],
        ]}
      />
    </Panel>
  );
};

const Broker = ({ broker: { url, state, fault, rttMs } }: { readonly broker: BrokerLine }): JSX.Element => {
  const { link: words } = useWords();
  const { language } = useViewer();
  const { quantity } = useFormat();
  const known = state === "connected" || state === "connecting" || state === "standby";
  const said = fault === undefined ? undefined : faultWords(language, { part: "link", code: fault });
  return (
    <li class={`broker ${state}`}>
      <h3>
        <code>{url}</code> <span class="level">{known ? words.states[state] : state}</span>
      </h3>
      {fault !== undefined && (
        <p>
          <code>{fault}</code> {said?.sentence ?? ""}
        </p>
      )}
      {rttMs !== undefined && (
        <p class="number">
          {words.rtt}: {quantity(rttMs, "ms", rttMs < 10 ? 1 : 0)}
        </p>
      )}
    </li>
  );
};

const Brokers = ({ snapshot: { link } }: { readonly snapshot: Snapshot }): JSX.Element => {
  const { link: words } = useWords();
  const { number } = useFormat();
  return (
    <Panel title={words.brokers}>
      <ul class="brokers">
        {(link.brokers ?? []).map((broker) => (
          <Broker key={broker.url} broker={broker} />
        ))}
      </ul>
      <Facts of={[[words.reconnects, number(link.reconnects)]]} />
    </Panel>
  );
};

const Versions = ({ snapshot, now }: Props): JSX.Element => {
  const { link: words, about } = useWords();
  const { number } = useFormat();
  const { installed, certificateExpiresAt: ends, version, vss, config } = snapshot;
  const trial = installed?.trial;
  return (
    <Panel title={words.bundle}>
      <Facts
        of={[
          [words.bundleVersion, installed?.version === undefined ? undefined : number(installed.version)],
          [words.signer, installed?.signer],
          [
            words.trial,
            trial
              ? `${shownSpan(trial.countedS * 1_000)} / ${shownSpan(trial.trialS * 1_000)}`
              : words.noTrial,
          ],
          [about.config, config && <code title={config}>{config.slice(0, 8)}</code>],
          [
            words.certificate,
            ends === undefined ? words.noCertificate : <Time at={Date.parse(ends)} now={now} />,
          ],
          [about.version, version],
          ["VSS", vss],
        ]}
      />
    </Panel>
  );
};

/** The tab Link: pending reports, custody, brokers, certificate, configuration and versions. */
export const LinkView = ({ snapshot, now }: Props): JSX.Element => (
  <div class="stack">
    <div class="columns">
      <Waiting snapshot={snapshot} now={now} />
      <Brokers snapshot={snapshot} />
      <Receipts snapshot={snapshot} />
      <Versions snapshot={snapshot} now={now} />
    </div>
    <Events snapshot={snapshot} now={now} />
  </div>
);
