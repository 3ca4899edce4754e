/** Fields of an emergency that can be left out. `shortened` names those that were (contract §3, §4). Pure. */

type Shortenable = Readonly<Record<"position" | "track" | "vehicle" | "buttons", unknown>>;

/** The data of an emergency without these fields. `shortened` names those that it had. */
export const leaveOut = <T extends Partial<Shortenable> & { readonly shortened?: string[] | undefined }>(
  data: T,
  ...fields: readonly (keyof Shortenable)[]
): T => {
  const had = fields.filter((field) => data[field] !== undefined);
  if (had.length === 0) return data;
  const left = { ...data, shortened: [...(data.shortened ?? []), ...had] };
  for (const field of had) delete left[field];
  return left;
};
