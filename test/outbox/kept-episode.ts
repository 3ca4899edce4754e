import type { KeptEpisode, MemoryPatch } from "../../src/domain/memory.ts";

export const EPISODE = "01K0000000000000000000000A";

/** An episode as the memory keeps it. */
export const keptEpisode = (
  id = EPISODE,
  state: KeptEpisode["episode"]["state"] = "active",
): KeptEpisode => ({
  episode: {
    id,
    test: false,
    button: "dash",
    buttons: ["dash"],
    silent: false,
    dark: false,
    presses: 1,
    state,
    revision: 1,
    safe: true,
    reach: "stored",
    attempt: 1,
    repeatAt: 0,
  },
  report: {
    v: 1,
    unit: "zrenjanin/zr-117",
    store: "k3v9q0ab",
    boot: 1,
    seq: 1,
    at: "2026-11-24T08:00:00.000Z",
    clock: "gnss",
    mono: 1,
    kind: "emergency",
    data: { episode: id, state, test: false, button: "dash", presses: 1, attempt: 1 },
  },
});

/** The memory of these episodes alone. */
export const remembering = (...ids: string[]): MemoryPatch => ({
  emergency: { episodes: ids.map((id) => keptEpisode(id)), presses: [], copies: [], airbags: [] },
});
