import { LAMP_EVENT, SNAPSHOT } from "built:schemas";
import type { LampEvent, Snapshot } from "../../domain/snapshot.ts";
import { conforms } from "../viewer/json-schema.ts";

const isSnapshot = (value: unknown): value is Snapshot => conforms(SNAPSHOT, value);
const isLampEvent = (value: unknown): value is LampEvent => conforms(LAMP_EVENT, value);

/** A snapshot as the unit sent it. Undefined: it has another form. */
export const readSnapshot = (value: unknown): Snapshot | undefined => (isSnapshot(value) ? value : undefined);

export const readLamp = (value: unknown): LampEvent | undefined => (isLampEvent(value) ? value : undefined);
