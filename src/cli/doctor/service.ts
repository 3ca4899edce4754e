import * as z from "zod";
import type { UnitSettings } from "../../settings/load.ts";

/** The part of the running service's status that doctor uses. */
const Service = z.object({
  uptimeS: z.number(),
  writtenMiB: z.number().optional(),
  clock: z.string(),
  gps: z.object({ fix: z.string(), sentences: z.number(), fault: z.string().optional() }),
  can: z.object({ frames: z.number(), dropped: z.number(), state: z.string() }).optional(),
  panicBoard: z
    .object({
      connected: z.boolean(),
      degraded: z.boolean().optional(),
      loops: z.record(z.string(), z.string()).optional(),
    })
    .optional(),
});
export type Service = z.infer<typeof Service>;

const ANSWER_MS = 2_000;

/** The running service's status; undefined if none answers at the status address. */
export const askService = async ({ status }: UnitSettings): Promise<Service | undefined> => {
  const { listen, pin } = status;
  if (listen === undefined) return undefined;
  const headers = pin === undefined ? {} : { authorization: `Bearer ${pin}` };
  try {
    const response = await fetch(`http://${listen}/status.json`, {
      headers,
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    return response.ok ? Service.safeParse(await response.json()).data : undefined;
  } catch {
    return undefined; // no service runs, so the devices can be tested
  }
};
