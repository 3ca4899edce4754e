import { expect, test } from "vitest";
import { saysUnavailable } from "../../src/decode/can/labels.ts";

test.each([
  "SNA",
  "n/a",
  "NA",
  "not available",
  "Signal not available",
  "signal_not_available",
  "SignalNotAvailable",
  "Not_Avail",
  "unavailable",
  "Invalid",
  "invalid value 2",
  "not valid",
  "ERROR",
  "CmdRespErr",
  "Sensor fault",
  "temporary_fault2",
  "Init",
  "initializing",
  "not initialised",
  "unknown",
  "undefined",
  "reserved",
  "no signal",
  "Fehler",
  "Systemfehler",
  "Systemstoerung",
  "ungültig",
  "Ungueltiger Wert",
  "nicht_verfuegbar",
  "Init_oder_nicht_verbaut",
  "unbekannt",
  "kein_Wert_im_Speicher",
])("the label %o says that there is no value", (label) => {
  expect(saysUnavailable(label)).toBe(true);
});

test.each([
  "on",
  "off",
  "open",
  "not pressed",
  "available",
  "no error",
  "No Fault",
  "kein Fehler",
  "Initialised",
  "nominal",
  "keine_Anforderung",
  "nicht_betaetigt",
  "verfuegbar",
  "terrain",
  "default",
  "N",
  "",
])("the label %o is a value", (label) => {
  expect(saysUnavailable(label)).toBe(false);
});
