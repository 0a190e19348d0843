/**
 * The session file, format version 1: one SQLite database. SESSION-FORMAT.md documents every column
 * with unit and source, and test/store holds that document against this text. Files are compared with it when
 * they are opened: a changed word is a change of the format.
 *
 * Ids are dense from 0 and equal row indexes in SessionTables. Times are ns since session start.
 * Absolute 64-bit values are lower-case hex text: SQLite could hold them, JavaScript numbers cannot.
 */
export const APPLICATION_ID = 0x454d4252; // "EMBR"
export const FORMAT_VERSION = 1;

export const SCHEMA = `
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE image (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  path TEXT NOT NULL,
  build_id TEXT NOT NULL,
  file_identity TEXT NOT NULL
);

CREATE TABLE image_problem (
  image INTEGER PRIMARY KEY REFERENCES image(id),
  problem TEXT NOT NULL
);

CREATE TABLE process (
  id INTEGER PRIMARY KEY,
  pid INTEGER NOT NULL,
  parent_pid INTEGER NOT NULL,
  start_ns INTEGER NOT NULL,
  end_ns INTEGER,
  comm TEXT NOT NULL,
  exe TEXT NOT NULL,
  cmdline TEXT NOT NULL,
  uid INTEGER NOT NULL,
  cgroup TEXT NOT NULL
);

CREATE TABLE thread (
  id INTEGER PRIMARY KEY,
  process INTEGER NOT NULL REFERENCES process(id),
  tid INTEGER NOT NULL,
  comm TEXT NOT NULL
);

CREATE TABLE mapping (
  id INTEGER PRIMARY KEY,
  process INTEGER NOT NULL REFERENCES process(id),
  image INTEGER NOT NULL REFERENCES image(id),
  start_address TEXT NOT NULL,
  end_address TEXT NOT NULL,
  file_offset INTEGER NOT NULL,
  from_ns INTEGER NOT NULL
);

CREATE TABLE frame (
  id INTEGER PRIMARY KEY,
  image INTEGER NOT NULL REFERENCES image(id),
  offset INTEGER NOT NULL,
  kind INTEGER NOT NULL
);

CREATE TABLE stack (
  id INTEGER PRIMARY KEY,
  parent INTEGER REFERENCES stack(id),
  frame INTEGER NOT NULL REFERENCES frame(id)
);

CREATE TABLE function (
  id INTEGER PRIMARY KEY,
  image INTEGER NOT NULL REFERENCES image(id),
  name TEXT NOT NULL,
  raw_name TEXT NOT NULL,
  start_offset INTEGER NOT NULL
);

CREATE TABLE source_file (
  id INTEGER PRIMARY KEY,
  path TEXT NOT NULL
);

CREATE TABLE symbol (
  id INTEGER PRIMARY KEY,
  frame INTEGER NOT NULL REFERENCES frame(id),
  depth INTEGER NOT NULL,
  function INTEGER NOT NULL REFERENCES function(id),
  file INTEGER REFERENCES source_file(id),
  line INTEGER
);
CREATE INDEX symbol_by_frame ON symbol (frame, depth);

CREATE TABLE source (
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL,
  title TEXT NOT NULL,
  unit TEXT NOT NULL,
  mechanism TEXT NOT NULL,
  note TEXT NOT NULL,
  detail TEXT NOT NULL,
  fields TEXT NOT NULL
);

CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL REFERENCES source(id),
  process INTEGER REFERENCES process(id),
  name TEXT NOT NULL,
  variant TEXT NOT NULL
);

CREATE TABLE latency (
  id INTEGER PRIMARY KEY,
  series INTEGER NOT NULL REFERENCES series(id),
  slice INTEGER NOT NULL,
  bucket INTEGER NOT NULL,
  count INTEGER NOT NULL,
  total INTEGER NOT NULL,
  max INTEGER NOT NULL
);

CREATE TABLE sample_chunk (
  id INTEGER PRIMARY KEY,
  source INTEGER NOT NULL REFERENCES source(id),
  first_ns INTEGER NOT NULL,
  last_ns INTEGER NOT NULL,
  samples INTEGER NOT NULL,
  weight INTEGER NOT NULL,
  times BLOB NOT NULL,
  threads BLOB NOT NULL,
  stacks BLOB NOT NULL,
  cpus BLOB NOT NULL,
  weights BLOB,
  series BLOB,
  measured BLOB,
  fields BLOB
);
CREATE INDEX sample_chunk_by_time ON sample_chunk (source, first_ns, last_ns, samples, weight);

CREATE TABLE stack_total (
  source INTEGER NOT NULL REFERENCES source(id),
  slice INTEGER NOT NULL,
  thread INTEGER NOT NULL REFERENCES thread(id),
  stack INTEGER NOT NULL,
  samples INTEGER NOT NULL,
  weight INTEGER NOT NULL,
  PRIMARY KEY (source, slice, thread, stack)
) WITHOUT ROWID;

CREATE TABLE loss (
  reason TEXT PRIMARY KEY,
  count INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE cost (
  time_ns INTEGER PRIMARY KEY,
  bpf_runs INTEGER NOT NULL,
  bpf_ns INTEGER NOT NULL,
  helper_cpu_ns INTEGER NOT NULL,
  helper_rss_bytes INTEGER NOT NULL,
  engine_cpu_ns INTEGER NOT NULL,
  engine_rss_bytes INTEGER NOT NULL,
  samples INTEGER NOT NULL,
  idle_samples INTEGER NOT NULL,
  backoff INTEGER NOT NULL,
  unwind_tables INTEGER,
  unwind_table_bytes INTEGER,
  unwind_budget_bytes INTEGER,
  unwind_pending INTEGER,
  unwind_over_budget INTEGER,
  unwind_failed INTEGER
);

CREATE VIEW hot_stack AS
  SELECT source, stack, sum(samples) AS samples, sum(weight) AS weight
  FROM stack_total GROUP BY source, stack ORDER BY source, weight DESC;

CREATE VIEW series_latency AS
  SELECT source.title AS source, series.name AS name, series.variant AS variant,
         process.pid AS pid, sum(latency.count) AS count, sum(latency.total) AS total,
         max(latency.max) AS max
  FROM latency
  JOIN series ON series.id = latency.series
  JOIN source ON source.id = series.source
  LEFT JOIN process ON process.id = series.process
  GROUP BY latency.series ORDER BY source.id, total DESC;

CREATE VIEW frame_name AS
  SELECT frame.id AS frame,
         coalesce(function.name, CASE frame.kind WHEN 6 THEN image.path
           ELSE image.path || '+0x' || printf('%x', frame.offset) END) AS name,
         image.path AS image
  FROM frame
  JOIN image ON image.id = frame.image
  LEFT JOIN symbol ON symbol.id =
    (SELECT max(s.id) FROM symbol AS s WHERE s.frame = frame.id AND s.depth = 0)
  LEFT JOIN function ON function.id = symbol.function;

CREATE VIEW frame_call AS
  SELECT symbol.frame AS frame, symbol.depth AS depth, function.name AS name,
         source_file.path AS file, symbol.line AS line
  FROM symbol
  JOIN function ON function.id = symbol.function
  LEFT JOIN source_file ON source_file.id = symbol.file
  WHERE symbol.id >=
    (SELECT max(s.id) FROM symbol AS s WHERE s.frame = symbol.frame AND s.depth = 0);

CREATE VIEW hot_function AS
  SELECT hot.source AS source,
         coalesce(function.name, frame_name.name, '[no stack]') AS name,
         coalesce(frame_name.image, '') AS image,
         sum(hot.samples) AS self_samples, sum(hot.weight) AS self_weight
  FROM (SELECT source, stack, sum(samples) AS samples, sum(weight) AS weight
        FROM stack_total GROUP BY source, stack) AS hot
  LEFT JOIN stack ON stack.id = hot.stack
  LEFT JOIN frame_name ON frame_name.frame = stack.frame
  LEFT JOIN symbol ON symbol.id =
    (SELECT max(s.id) FROM symbol AS s WHERE s.frame = stack.frame)
  LEFT JOIN function ON function.id = symbol.function
  GROUP BY 1, 2, 3 ORDER BY source, self_weight DESC;
`;
