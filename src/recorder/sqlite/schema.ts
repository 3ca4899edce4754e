/** The tables of a SQLite store. `user_version` of the file is the number of migrations that it has had. */

/** Instants are UTC milliseconds since 1970 in columns that end with `_ms`; `at` is the same as ISO 8601. */
const FIRST = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE report (
  unit TEXT NOT NULL, store TEXT NOT NULL, seq INTEGER NOT NULL, boot INTEGER NOT NULL,
  kind TEXT NOT NULL, at_ms INTEGER NOT NULL, clock TEXT NOT NULL, mono INTEGER NOT NULL,
  live INTEGER NOT NULL, data TEXT NOT NULL, extra TEXT, stored_ms INTEGER NOT NULL,
  at TEXT GENERATED ALWAYS AS (strftime('%Y-%m-%dT%H:%M:%fZ', at_ms / 1000.0, 'unixepoch')) VIRTUAL,
  PRIMARY KEY (unit, store, seq)
) WITHOUT ROWID;
CREATE TABLE stream (
  unit TEXT NOT NULL, store TEXT NOT NULL, version INTEGER NOT NULL,
  tail_lo INTEGER NOT NULL, tail_hi INTEGER NOT NULL,
  duplicates INTEGER NOT NULL, rejected INTEGER NOT NULL,
  first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL,
  PRIMARY KEY (unit, store)
) WITHOUT ROWID;
CREATE TABLE run (
  unit TEXT NOT NULL, store TEXT NOT NULL, kind TEXT NOT NULL, lo INTEGER NOT NULL, hi INTEGER NOT NULL,
  PRIMARY KEY (unit, store, kind, lo)
) WITHOUT ROWID;
CREATE TABLE clock (
  unit TEXT NOT NULL, store TEXT NOT NULL, boot INTEGER NOT NULL, seq INTEGER NOT NULL,
  mono INTEGER NOT NULL, at_ms INTEGER NOT NULL,
  PRIMARY KEY (unit, store, boot)
) WITHOUT ROWID;
CREATE TABLE rejected (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL,
  topic TEXT NOT NULL, reason TEXT NOT NULL, bytes BLOB NOT NULL, size INTEGER NOT NULL
);
CREATE TABLE silent_unit (
  recorder TEXT NOT NULL, unit TEXT NOT NULL,
  since_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, expected_s INTEGER NOT NULL,
  PRIMARY KEY (recorder, unit)
) WITHOUT ROWID;

CREATE VIEW corrected AS
  SELECT r.*, CASE WHEN r.clock = 'unset' THEN c.at_ms + r.mono - c.mono END AS corrected_ms
  FROM report r LEFT JOIN clock c ON c.unit = r.unit AND c.store = r.store AND c.boot = r.boot;
CREATE VIEW position AS
  SELECT unit, store, seq, boot, at, at_ms, corrected_ms, clock, live,
    data ->> '$.lat' AS lat, data ->> '$.lon' AS lon, data ->> '$.altM' AS alt_m,
    data ->> '$.speedKmh' AS speed_kmh, data ->> '$.courseDeg' AS course_deg, data ->> '$.fix' AS fix,
    data ->> '$.accuracyM' AS accuracy_m, data ->> '$.reason' AS reason
  FROM corrected WHERE kind = 'position';
CREATE VIEW emergency AS
  SELECT unit, store, seq, boot, at, at_ms, corrected_ms, clock, live,
    data ->> '$.episode' AS episode, data ->> '$.state' AS state, data ->> '$.test' AS test,
    data ->> '$.silent' AS silent, data ->> '$.button' AS button, data ->> '$.presses' AS presses,
    data ->> '$.pressedAt' AS pressed_at, data ->> '$.by' AS "by", data
  FROM corrected WHERE kind = 'emergency';
CREATE VIEW event AS
  SELECT unit, store, seq, boot, at, at_ms, corrected_ms, clock, live, data ->> '$.type' AS type, data
  FROM corrected WHERE kind = 'event';
CREATE VIEW gap AS
  SELECT unit, store, seq, boot, at, at_ms, corrected_ms,
    data ->> '$.from' AS "from", data ->> '$.to' AS "to", data ->> '$.count' AS count,
    data ->> '$.reason' AS reason, data -> '$.kept' AS kept
  FROM corrected WHERE kind = 'event' AND data ->> '$.type' = 'gap';
CREATE VIEW silent AS
  SELECT unit, strftime('%Y-%m-%dT%H:%M:%fZ', since_ms / 1000.0, 'unixepoch') AS since,
    strftime('%Y-%m-%dT%H:%M:%fZ', last_ms / 1000.0, 'unixepoch') AS last, expected_s
  FROM silent_unit;
`;

/** Each brings a store from its index to the next version. Never change one that was released. */
export const MIGRATIONS: readonly string[] = [FIRST];
