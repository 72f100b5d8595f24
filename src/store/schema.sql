R"sql(
-- What hitless remembers.  Version 4.
--
-- Columns for what is queried or has a writer of its own; JSON text for values that are read and
-- written whole.  Times are microseconds since 1970-01-01T00:00Z.  Words are the wire's.
-- (The first and the last line make this file a C++ string.)

CREATE TABLE models (
  id              TEXT PRIMARY KEY,
  name            TEXT NOT NULL,
  version         TEXT NOT NULL,
  version_order   INTEGER NOT NULL,               -- "0.10.2" as 1002, for sorting
  type            TEXT NOT NULL COLLATE NOCASE,
  description     TEXT NOT NULL,
  status          TEXT NOT NULL,
  error           TEXT NOT NULL,
  source_location TEXT NOT NULL,
  digest          TEXT NOT NULL,
  size_bytes      INTEGER NOT NULL,
  created_us      INTEGER NOT NULL,
  launch          TEXT NOT NULL,                  -- JSON: model::Launch
  config_text     TEXT NOT NULL,
  wire            TEXT NOT NULL,                  -- JSON: the request as sent
  UNIQUE (name, version)
) STRICT;
CREATE INDEX models_by_created ON models (created_us, id);
CREATE INDEX models_by_version ON models (version_order, id);
CREATE INDEX models_by_size ON models (size_bytes, id);

CREATE TABLE services (
  id            TEXT PRIMARY KEY,
  name          TEXT NOT NULL UNIQUE,
  description   TEXT NOT NULL,
  infer_type    TEXT NOT NULL,
  status        TEXT NOT NULL,
  error         TEXT NOT NULL,
  progress      INTEGER NOT NULL,
  revision      INTEGER NOT NULL,                 -- 0: nothing yet
  rollout       TEXT NOT NULL,                    -- under way; empty: none
  created_us    INTEGER NOT NULL,
  publish_us    INTEGER NOT NULL,
  transition_us INTEGER NOT NULL,
  operation_us  INTEGER NOT NULL,
  update_us     INTEGER NOT NULL,
  wire          TEXT NOT NULL,                    -- JSON: members that answers echo
  queued        INTEGER NOT NULL DEFAULT 0        -- revision that waits for the rollout under way
) STRICT;
CREATE INDEX services_by_publish ON services (publish_us, id);
CREATE INDEX services_by_transition ON services (transition_us, id);
CREATE INDEX services_by_status ON services (status, publish_us, id);

CREATE TABLE revisions (
  service    TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
  number     INTEGER NOT NULL,
  config     TEXT NOT NULL,                       -- JSON: model::ServiceConfig
  created_us INTEGER NOT NULL,
  who        TEXT NOT NULL DEFAULT '',            -- asked for it
  PRIMARY KEY (service, number)
) STRICT;

-- Which model versions a revision names.  Not a reference: old revisions may outlive a model.
CREATE TABLE revision_models (
  service TEXT NOT NULL,
  number  INTEGER NOT NULL,
  model   TEXT NOT NULL,
  PRIMARY KEY (service, number, model),
  FOREIGN KEY (service, number) REFERENCES revisions (service, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX revision_models_by_model ON revision_models (model, service, number);

-- Reports are kept for good: their service may be gone.
CREATE TABLE rollouts (
  sequence      INTEGER PRIMARY KEY,              -- the order in which they were accepted
  id            TEXT NOT NULL UNIQUE,
  service       TEXT NOT NULL,
  plan          TEXT NOT NULL,                    -- JSON: model::Plan; never changes
  from_revision INTEGER NOT NULL,
  to_revision   INTEGER NOT NULL,
  phase         TEXT NOT NULL,
  why           TEXT NOT NULL,
  reason        TEXT NOT NULL,
  created_us    INTEGER NOT NULL,
  phase_us      INTEGER NOT NULL,
  progress_us   INTEGER NOT NULL,
  ended_us      INTEGER,
  report        TEXT NOT NULL,                    -- JSON: model::Report
  course        TEXT NOT NULL DEFAULT '{}'        -- JSON: model::course_to_json
) STRICT;
CREATE INDEX rollouts_by_service ON rollouts (service, sequence);

-- What each decision of a rollout was made from, to replay it: the newest rollouts of a service.
CREATE TABLE journal (
  rollout  TEXT NOT NULL REFERENCES rollouts (id) ON DELETE CASCADE,
  sequence INTEGER NOT NULL,
  at_us    INTEGER NOT NULL,
  view     TEXT NOT NULL,                         -- JSON: rollout::View without its plan
  decision TEXT NOT NULL,                         -- JSON: rollout::Decision
  PRIMARY KEY (rollout, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE instances (
  id         TEXT PRIMARY KEY,
  service    TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
  ordinal    INTEGER NOT NULL,
  rollout    TEXT NOT NULL,                       -- which started it; empty: a replacement
  template   TEXT NOT NULL,                       -- model::Group::key
  revision   INTEGER NOT NULL,
  entry      INTEGER NOT NULL,
  stage      TEXT NOT NULL,
  ending     TEXT NOT NULL,
  detail     TEXT NOT NULL,
  created_us INTEGER NOT NULL,
  stage_us   INTEGER NOT NULL,
  ready_us   INTEGER,
  routed_us  INTEGER,
  address    TEXT NOT NULL,                       -- empty until the driver gave it one
  UNIQUE (service, ordinal)
) STRICT;
CREATE INDEX instances_live ON instances (service, ordinal) WHERE stage <> 'gone';
CREATE INDEX instances_gone ON instances (service, ordinal) WHERE stage = 'gone';

CREATE TABLE events (
  sequence   INTEGER PRIMARY KEY,
  subject    TEXT NOT NULL,                       -- id of a service or a model
  type       TEXT NOT NULL,
  key        TEXT NOT NULL,
  text       TEXT NOT NULL,
  at_us      INTEGER NOT NULL,
  expires_us INTEGER NOT NULL
) STRICT;
CREATE INDEX events_by_subject ON events (subject, at_us, sequence);
CREATE INDEX events_by_time ON events (at_us, sequence);
CREATE INDEX events_by_expiry ON events (expires_us);

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
)sql"
