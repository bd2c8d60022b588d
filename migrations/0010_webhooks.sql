-- Outgoing webhooks.

-- Events get a number that rises in the order in which their batches commit, and never
-- comes again: AUTOINCREMENT keeps the highest one that was ever given. A time or a
-- UUIDv7 would not do, because the clocks of two isolates differ. The table is rebuilt,
-- because no statement adds such a column; every row keeps its id, which may be as absent
-- as it could be before. A release from before
-- inserts as it did.
CREATE TABLE events_aside (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE,
  at INTEGER NOT NULL,
  event_type TEXT NOT NULL,
  data TEXT NOT NULL,
  delivered_at INTEGER
) STRICT;

INSERT INTO events_aside (id, at, event_type, data, delivered_at)
  SELECT id, at, event_type, data, delivered_at FROM events ORDER BY at, rowid;

DROP TABLE events;

ALTER TABLE events_aside RENAME TO events;

-- The highest sequence that was purged: a reader who asks for what comes after an older
-- one missed something.
CREATE TABLE event_purges (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  purged_to INTEGER NOT NULL
) STRICT;

INSERT INTO event_purges (one, purged_to) VALUES (1, 0);

-- Where operators are told. url_label: what may be shown of the URL. event_types: JSON, such as ["license.*"]. product_id: only
-- events about this product. secret, old_secret and signing_seed are sealed with
-- WEBHOOK_KEY. position: the sequence up to which deliveries were made; what comes after
-- it waits here without a row of its own. failing_since: the first failure after the
-- last success. window_*: how many attempts ended well and badly since when. served_at:
-- when deliveries were last claimed, in unix milliseconds; the one served longest ago is
-- next.
CREATE TABLE webhook_endpoints (
  id TEXT PRIMARY KEY,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  url TEXT NOT NULL,
  url_label TEXT NOT NULL,
  description TEXT NOT NULL,
  event_types TEXT NOT NULL,
  product_id TEXT,
  format TEXT NOT NULL CHECK (format IN ('standard', 'keysat')),
  secret TEXT NOT NULL,
  old_secret TEXT,
  old_secret_until INTEGER,
  signing_seed TEXT,
  signing_key TEXT,
  state TEXT NOT NULL CHECK (state IN ('active', 'paused', 'failing', 'gone')),
  position INTEGER NOT NULL,
  failing_since INTEGER,
  window_from INTEGER NOT NULL,
  window_good INTEGER NOT NULL,
  window_bad INTEGER NOT NULL,
  served_at INTEGER NOT NULL,
  deleted_at INTEGER
) STRICT;

-- One event on its way to one endpoint. sequence and body: one of them is NULL; a test
-- has a body of its own and is in no feed. claim: who may write its result, until
-- claimed_until. attempts counts since the last time somebody asked for another round.
CREATE TABLE webhook_deliveries (
  id TEXT PRIMARY KEY,
  endpoint_id TEXT NOT NULL REFERENCES webhook_endpoints (id),
  sequence INTEGER,
  event_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  event_at INTEGER NOT NULL,
  body TEXT,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead', 'cancelled', 'expired')),
  reason TEXT,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER,
  claim TEXT,
  claimed_until INTEGER,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  UNIQUE (endpoint_id, sequence)
) STRICT;

CREATE INDEX webhook_deliveries_due ON webhook_deliveries (endpoint_id, next_attempt_at)
  WHERE state = 'pending';

CREATE INDEX webhook_deliveries_claimed ON webhook_deliveries (claimed_until)
  WHERE claimed_until IS NOT NULL;

CREATE INDEX webhook_deliveries_of_claim ON webhook_deliveries (claim)
  WHERE claim IS NOT NULL;

CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (created_at, id);

CREATE INDEX webhook_deliveries_by_sequence ON webhook_deliveries (sequence)
  WHERE sequence IS NOT NULL;

-- What became of each attempt; outcome is NULL while its claim runs.
CREATE TABLE webhook_attempts (
  delivery_id TEXT NOT NULL REFERENCES webhook_deliveries (id),
  claim TEXT NOT NULL,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  outcome TEXT,
  status INTEGER,
  answer_head TEXT,
  answer_body TEXT,
  PRIMARY KEY (delivery_id, claim)
) STRICT, WITHOUT ROWID;
