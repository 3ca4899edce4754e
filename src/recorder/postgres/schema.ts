/** Advisory locks, in a space of their own. */
export const LOCKS = { space: 0x7061_7472, migration: 1, partition: 2 } as const;

/**
 * The tables of a PostgreSQL store. `meta` has the number of migrations that it has had.
 *
 * `report` is partitioned by the UTC day on which a report was stored, not by `at`: a wrong clock in a car
 * must not make partitions in other centuries. Old partitions can be dropped; `stream` and `run` are the
 * ledger, and stay.
 */
const FIRST = `
CREATE TABLE meta (key text PRIMARY KEY, value text NOT NULL);
CREATE TABLE report (
  unit text COLLATE "C" NOT NULL, store text COLLATE "C" NOT NULL, seq bigint NOT NULL, boot bigint NOT NULL,
  kind text COLLATE "C" NOT NULL, at timestamptz NOT NULL, clock text NOT NULL, mono bigint NOT NULL,
  live boolean NOT NULL, stored timestamptz NOT NULL, data jsonb NOT NULL, extra jsonb
) PARTITION BY RANGE (stored);
CREATE INDEX report_number ON report (unit, store, seq);
CREATE INDEX report_at ON report USING brin (at);
CREATE TABLE stream (
  unit text COLLATE "C" NOT NULL, store text COLLATE "C" NOT NULL, version bigint NOT NULL,
  tail_lo bigint NOT NULL, tail_hi bigint NOT NULL,
  duplicates bigint NOT NULL, rejected bigint NOT NULL,
  first_heard timestamptz NOT NULL, last_heard timestamptz NOT NULL,
  PRIMARY KEY (unit, store)
) WITH (fillfactor = 50);
CREATE TABLE run (
  unit text COLLATE "C" NOT NULL, store text COLLATE "C" NOT NULL, kind text COLLATE "C" NOT NULL,
  lo bigint NOT NULL, hi bigint NOT NULL,
  PRIMARY KEY (unit, store, kind, lo)
) WITH (fillfactor = 70);
CREATE TABLE clock (
  unit text COLLATE "C" NOT NULL, store text COLLATE "C" NOT NULL, boot bigint NOT NULL, seq bigint NOT NULL,
  mono bigint NOT NULL, at timestamptz NOT NULL,
  PRIMARY KEY (unit, store, boot)
);
CREATE TABLE rejected (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL,
  topic text NOT NULL, reason text NOT NULL, bytes bytea NOT NULL, size bigint NOT NULL
);
CREATE TABLE silent_unit (
  recorder text NOT NULL, unit text COLLATE "C" NOT NULL,
  since timestamptz NOT NULL, last timestamptz NOT NULL, expected_s integer NOT NULL,
  PRIMARY KEY (recorder, unit)
);

CREATE FUNCTION instant(ms bigint) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
  $$ SELECT timestamptz 'epoch' + ms * interval '1 millisecond' $$;

-- Makes the partition of a day. A recorder without the right to create tables may call it.
CREATE FUNCTION report_partition(day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path FROM CURRENT AS $$
DECLARE
  name text := 'report_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF to_regclass(name) IS NULL THEN
    EXECUTE format(
      'CREATE TABLE IF NOT EXISTS %I PARTITION OF report FOR VALUES FROM (%L) TO (%L)',
      name, day || ' 00:00:00Z', (day + 1) || ' 00:00:00Z');
  END IF;
END $$;
REVOKE ALL ON FUNCTION report_partition(date) FROM PUBLIC;

CREATE VIEW corrected AS
  SELECT r.*, CASE WHEN r.clock = 'unset'
    THEN c.at + (r.mono - c.mono) * interval '1 millisecond' END AS corrected_at
  FROM report r LEFT JOIN clock c ON c.unit = r.unit AND c.store = r.store AND c.boot = r.boot;
CREATE VIEW position AS
  SELECT unit, store, seq, boot, coalesce(corrected_at, at) AS at, clock, live,
    (data ->> 'lat')::float8 AS lat, (data ->> 'lon')::float8 AS lon, (data ->> 'altM')::float8 AS alt_m,
    (data ->> 'speedKmh')::float8 AS speed_kmh, (data ->> 'courseDeg')::float8 AS course_deg,
    data ->> 'fix' AS fix, (data ->> 'accuracyM')::float8 AS accuracy_m, data ->> 'reason' AS reason
  FROM corrected WHERE kind = 'position';
CREATE VIEW emergency AS
  SELECT unit, store, seq, boot, coalesce(corrected_at, at) AS at, clock, live,
    data ->> 'episode' AS episode, data ->> 'state' AS state, (data ->> 'test')::boolean AS test,
    (data ->> 'silent')::boolean AS silent, data ->> 'button' AS button,
    (data ->> 'presses')::bigint AS presses, data ->> 'pressedAt' AS pressed_at, data ->> 'by' AS "by", data
  FROM corrected WHERE kind = 'emergency';
CREATE VIEW event AS
  SELECT unit, store, seq, boot, coalesce(corrected_at, at) AS at, clock, live, data ->> 'type' AS type, data
  FROM corrected WHERE kind = 'event';
CREATE VIEW gap AS
  SELECT unit, store, seq, boot, coalesce(corrected_at, at) AS at,
    (data ->> 'from')::bigint AS "from", (data ->> 'to')::bigint AS "to",
    (data ->> 'count')::bigint AS count, data ->> 'reason' AS reason, data -> 'kept' AS kept
  FROM corrected WHERE kind = 'event' AND data ->> 'type' = 'gap';
CREATE VIEW silent AS SELECT unit, since, last, expected_s FROM silent_unit;
`;

/**
 * A new day's table is made on its own, then attached: CREATE TABLE … PARTITION OF waits for whoever reads `report`, a backup for
 * example, and all that is to be stored waits behind it.
 */
const SECOND = `
CREATE OR REPLACE FUNCTION report_partition(day date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
  SET search_path FROM CURRENT AS $$
DECLARE
  name text := 'report_' || to_char(day, 'YYYYMMDD');
BEGIN
  IF to_regclass(name) IS NOT NULL THEN
    RETURN;
  END IF;
  -- Two recorders: one after the other.
  PERFORM pg_advisory_xact_lock(${LOCKS.space}, ${LOCKS.partition});
  EXECUTE format('CREATE TABLE IF NOT EXISTS %I (LIKE report INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
  IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = name::regclass) THEN
    EXECUTE format('ALTER TABLE report ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)',
      name, day || ' 00:00:00Z', (day + 1) || ' 00:00:00Z');
  END IF;
END $$;
`;

/** Each brings a store from its index to the next version. Never change one that was released. */
export const MIGRATIONS: readonly string[] = [FIRST, SECOND];

/** What a recorder's role needs, beyond a login. `role`: quoted. */
export const grantsTo = (role: string): string => `
GRANT SELECT ON meta, report, stream, run, clock, rejected, silent_unit,
  corrected, position, emergency, event, gap, silent TO ${role};
GRANT INSERT ON report, stream, run, clock, rejected, silent_unit TO ${role};
GRANT UPDATE (data) ON report TO ${role};
GRANT UPDATE ON stream, run, clock TO ${role};
GRANT DELETE ON run, rejected, silent_unit TO ${role};
GRANT EXECUTE ON FUNCTION report_partition(date), instant(bigint) TO ${role};
`;
