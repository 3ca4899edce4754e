/** Who a unit is. `{directorate}/{id}`, for example `zrenjanin/zr-117`. */
export type Identity = { readonly directorate: string; readonly id: string };

/** One part of an identity; it is also one level of a topic and part of a certificate's CN. */
export const IDENTITY_PART = /^[a-z0-9][a-z0-9-]{0,31}$/;

/** The unit's name in reports, its MQTT user name and its certificate's CN. */
export const unitName = (who: Identity): string => `${who.directorate}/${who.id}`;

/** The MQTT client id: the unit's name with `.` for `/`. */
export const clientId = (who: Identity): string => `${who.directorate}.${who.id}`;
