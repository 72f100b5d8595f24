-- A database of version 1: its schema, and rows as that version wrote them.
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
  wire          TEXT NOT NULL                     -- JSON: members that answers echo
) STRICT;
CREATE INDEX services_by_publish ON services (publish_us, id);
CREATE INDEX services_by_transition ON services (transition_us, id);
CREATE INDEX services_by_status ON services (status, publish_us, id);

CREATE TABLE revisions (
  service    TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
  number     INTEGER NOT NULL,
  config     TEXT NOT NULL,                       -- JSON: model::ServiceConfig
  created_us INTEGER NOT NULL,
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

CREATE TABLE rollouts (
  sequence      INTEGER PRIMARY KEY,              -- the order in which they were accepted
  id            TEXT NOT NULL UNIQUE,
  service       TEXT NOT NULL REFERENCES services (id) ON DELETE CASCADE,
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
  report        TEXT NOT NULL                     -- JSON: model::Report
) STRICT;
CREATE INDEX rollouts_by_service ON rollouts (service, sequence);

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

-- Counters of requests as of the last reading.
CREATE TABLE usage (
  service  TEXT NOT NULL,
  revision INTEGER NOT NULL,
  outcomes TEXT NOT NULL,                         -- JSON: model::Outcomes
  PRIMARY KEY (service, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE counters (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

PRAGMA application_id = 1752460403;
PRAGMA user_version = 1;

INSERT INTO services VALUES
  ('s1', 'speech', 'a service', 'real-time', 'running', '', 0, 2, '', 1000, 2000, 2000, 2000, 2000,
   '{"priority":2}');
INSERT INTO revisions VALUES
  ('s1', 1, '{"entries":[{"model":"m1","weight":100,"specification":"hitless.cpu.small","cpu_millis":1000,"memory_mib":512,"instance_count":2,"envs":{"A":"b"},"pool":"","max_surge":"1","max_unavailable":"0","grace_us":120000000,"deploy_timeout_us":1200000000,"wire":{"weight":100}}],"balance":"ROUND_ROBIN"}', 900);
INSERT INTO revisions VALUES
  ('s1', 2, '{"entries":[{"model":"m2","weight":100,"specification":"hitless.cpu.small","cpu_millis":1000,"memory_mib":512,"instance_count":2,"envs":{"A":"b"},"pool":"","max_surge":"1","max_unavailable":"0","grace_us":120000000,"deploy_timeout_us":1200000000,"wire":{"weight":100}}],"balance":"ROUND_ROBIN"}', 1000);
INSERT INTO rollouts VALUES
  (1, 'r1', 's1', '{"service":"s1","kind":"update","from":1,"to":2,"changes":[{"class":"replace","field":"config[0].model_id","from":"m1","to":"m2"}],"slots":[{"from":{"key":"k1","revision":1,"entry":0,"count":2,"weight":100,"grace_us":120000000,"deploy_timeout_us":1200000000},"to":{"key":"k2","revision":2,"entry":0,"count":2,"weight":100,"grace_us":120000000,"deploy_timeout_us":1200000000},"surge":1,"unavailable":0}],"balance":"ROUND_ROBIN","balance_from":"ROUND_ROBIN","drain_budget_us":3600000000,"strategy":"surge","reason":"max_surge allows 1 more","hash":"h1"}',
   1, 2, 'succeeded', 'all is well', '', 1000, 2000, 2000, 2000,
   '{"before":null,"during":{"begin_us":1000,"end_us":2000,"outcomes":{"requests":10,"by_class":[0,0,10,0,0,0],"failed":0,"retried":0,"held":0,"held_longest_us":0,"cut":0,"client_gone":0,"latency":[[3,10]],"first_byte":[[2,10]]}},"after":null,"phases":[{"phase":"planned","begin_us":1000},{"phase":"succeeded","begin_us":2000}],"instances_started":2,"instances_failed":0,"ready_to_routed_us":5,"drain_to_stop_us":6,"start_to_ready_us":7}');
INSERT INTO instances VALUES
  ('s1-r2-3', 's1', 3, 'r1', 'k2', 2, 0, 'ready', 'none', '', 1100, 1200, 1200, 1300, '127.0.0.1:9');
INSERT INTO events (subject, type, key, text, at_us, expires_us) VALUES
  ('s1', 'normal', 'updated', 'service updated', 2000, 9000000000000000);
INSERT INTO counters VALUES ('generation', 1000);
