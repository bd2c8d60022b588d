-- Mail to buyers and to the operator.

-- What the last tick found. is_on: whether mail is configured. faults: what is wrong with
-- its configuration, JSON. began_at: when mail was first on; what was before it is not
-- mailed. position: the sequence up to which events were looked at. ticked_at: when a tick
-- with mail last ran: after a long silence, also that of a database that came back from a
-- backup, what was planned before is held.
CREATE TABLE mail_state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  is_on INTEGER NOT NULL,
  faults TEXT NOT NULL,
  per_day INTEGER NOT NULL,
  began_at INTEGER,
  position INTEGER NOT NULL,
  ticked_at INTEGER
) STRICT;

INSERT INTO mail_state (one, is_on, faults, per_day, position) VALUES (1, 0, '[]', 0, 0);

-- One mail about one fact to one recipient in one template, written before it is sent. id
-- is derived from those three. subject_id: the license or attention item that it is about.
-- claim: who may write its result, until claimed_until; called_at: when that claim called
-- the mail API. first_attempt_at counts for the daily cap. doubt_at: since when nobody
-- knows whether it was taken. link_digest: of the secret of its link, which stands nowhere.
-- digest: of what was sent, which stands nowhere either.
CREATE TABLE mails (
  id TEXT PRIMARY KEY,
  fact TEXT NOT NULL,
  recipient TEXT NOT NULL,
  template TEXT NOT NULL,
  subject_id TEXT,
  fact_at INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('waiting', 'held', 'sent', 'rejected', 'unknown',
                                       'failed', 'dropped', 'expired')),
  reason TEXT,
  attempts INTEGER NOT NULL,
  next_attempt_at INTEGER,
  claim TEXT,
  claimed_until INTEGER,
  called_at INTEGER,
  first_attempt_at INTEGER,
  doubt_at INTEGER,
  link_digest TEXT,
  link_expires_at INTEGER,
  message_id TEXT,
  digest TEXT,
  resend_of TEXT,
  created_at INTEGER NOT NULL,
  ended_at INTEGER,
  UNIQUE (fact, recipient, template)
) STRICT;

CREATE INDEX mails_due ON mails (next_attempt_at) WHERE state = 'waiting';

CREATE INDEX mails_claimed ON mails (claimed_until) WHERE claimed_until IS NOT NULL;

CREATE INDEX mails_of_claim ON mails (claim) WHERE claim IS NOT NULL;

CREATE INDEX mails_attempted ON mails (first_attempt_at) WHERE first_attempt_at IS NOT NULL;

CREATE UNIQUE INDEX mails_by_link ON mails (link_digest) WHERE link_digest IS NOT NULL;

CREATE INDEX mails_by_age ON mails (created_at, id);

CREATE INDEX mails_by_state ON mails (state, created_at);

CREATE INDEX mails_by_subject ON mails (subject_id, created_at) WHERE subject_id IS NOT NULL;

CREATE INDEX mails_by_recipient ON mails (lower(recipient), created_at);

-- Who asked for the licenses of an address, known or not; for two hours. The tick finds
-- out whether the address has any.
CREATE TABLE mail_requests (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL,
  at INTEGER NOT NULL,
  planned_at INTEGER
) STRICT;

CREATE INDEX mail_requests_by_email ON mail_requests (email, at);

CREATE INDEX mail_requests_by_age ON mail_requests (at);
