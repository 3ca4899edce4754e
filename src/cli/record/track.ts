import * as z from "zod";
import { isoInstant } from "../../domain/time.ts";
import type { Store, Stream } from "../../recorder/store.ts";
import { asWire, trackOf, type TrackItem } from "../../recorder/track.ts";
import { CommandError, EXIT, options, required } from "../lib/command.ts";
import { readTarget, withStore } from "./target.ts";

type Period = { readonly from: number | undefined; readonly to: number | undefined };

const readInstant = (given: string | undefined, name: string): number | undefined => {
  if (given === undefined) return undefined;
  const at = Date.parse(given);
  if (Number.isFinite(at)) return at;
  throw new CommandError(EXIT.usage, `--${name} ${given}: expected an instant such as 2026-11-24T08:00:00Z`);
};

const Emergency = z.object({ episode: z.string(), pressedAt: z.iso.datetime().optional() });

/** From the press to the last report of an episode. Throws a CommandError (1). */
const periodOf = async (store: Store, unit: string, episode: string): Promise<Period> => {
  let from = Infinity;
  let to = -Infinity;
  for await (const report of store.read({ unit, kinds: ["emergency"] })) {
    const found = Emergency.safeParse(JSON.parse(report.data)).data;
    if (found?.episode !== episode) continue;
    const at = report.correctedAt ?? report.at;
    // The press is on the same clock as the report: what corrects one corrects the other.
    const pressed = found.pressedAt === undefined ? at : Date.parse(found.pressedAt) + at - report.at;
    from = Math.min(from, pressed, at);
    to = Math.max(to, at);
  }
  if (from > to) throw new CommandError(EXIT.failed, `no emergency ${episode} of ${unit} is stored`);
  return { from, to };
};

const Place = z.object({ lat: z.number(), lon: z.number(), altM: z.number().optional() });

const ndjson = {
  begin: "",
  line(item: TrackItem): string {
    if (item.kind === "store") return "";
    return `${JSON.stringify(item.kind === "gap" ? { gap: item.gap } : asWire(item.report))}\n`;
  },
  end: "",
};

const NEW_SEGMENT = "    </trkseg>\n    <trkseg>\n";

const gpx = {
  begin: `<?xml version="1.0" encoding="UTF-8"?>
<gpx version="1.1" creator="patrol-unit" xmlns="http://www.topografix.com/GPX/1/1">
  <trk>
    <trkseg>
`,
  line(item: TrackItem): string {
    if (item.kind === "store") return NEW_SEGMENT;
    if (item.kind === "gap") {
      const { from, to, count, reasons } = item.gap;
      const says = `${count} reports missing between ${from} and ${to}: ${reasons.join(", ")}`;
      return `    </trkseg>\n    <!-- ${says} -->\n    <trkseg>\n`;
    }
    const place = Place.safeParse(JSON.parse(item.report.data)).data;
    if (!place) return "";
    const altitude = place.altM === undefined ? "" : `<ele>${place.altM}</ele>`;
    const at = isoInstant(item.report.correctedAt ?? item.report.at);
    return `      <trkpt lat="${place.lat}" lon="${place.lon}">${altitude}<time>${at}</time></trkpt>\n`;
  },
  end: "    </trkseg>\n  </trk>\n</gpx>\n",
};

const FORMATS = { ndjson, gpx } as const;

const formatOf = (given: string) => {
  if (given === "ndjson" || given === "gpx") return FORMATS[given];
  throw new CommandError(EXIT.usage, `--format ${given}: expected ndjson or gpx`);
};

const write = async (text: string): Promise<void> => {
  if (!process.stdout.write(text))
    await new Promise<void>((resolve) => void process.stdout.once("drain", resolve));
};

/** `record track`: the positions of a unit. 1 if there is none. */
export const recordTrack = async (args: readonly string[]): Promise<number> => {
  const given = options(args, {
    into: { type: "string" },
    unit: { type: "string" },
    from: { type: "string" },
    to: { type: "string" },
    episode: { type: "string" },
    format: { type: "string" },
    json: { type: "boolean" },
  });
  const unit = required(given.unit, "unit");
  const format = formatOf(given.format ?? "ndjson");
  if (given.json && given.format === "gpx")
    throw new CommandError(EXIT.usage, "--json and --format gpx: choose one");
  const { episode } = given;
  if (episode !== undefined && (given.from ?? given.to) !== undefined)
    throw new CommandError(EXIT.usage, "--episode and --from, --to: choose one");
  const asked = { from: readInstant(given.from, "from"), to: readInstant(given.to, "to") };
  return withStore(readTarget(given.into), false, async (store) => {
    const period = episode === undefined ? asked : await periodOf(store, unit, episode);
    const streams = new Map<string, Stream>();
    for await (const stream of store.streams(unit)) streams.set(stream.store, stream);
    const reports = store.read({ unit, kinds: ["position"], ...period });
    let points = 0;
    for await (const item of trackOf(reports, streams)) {
      if (points === 0) await write(format.begin);
      if (item.kind === "report") points++;
      await write(format.line(item));
    }
    if (points === 0) {
      const when = (period.from ?? period.to) === undefined ? "" : " for this time";
      throw new CommandError(EXIT.failed, `no position of ${unit} is stored${when}`);
    }
    await write(format.end);
    return EXIT.ok;
  });
};
