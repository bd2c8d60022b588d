-- Machines, discount codes, scoped API keys, the validation log, repeatable
-- requests and rate limits.

-- Higher is better; NULL for a policy outside the ladder.
ALTER TABLE policies ADD COLUMN tier_rank INTEGER CHECK (tier_rank BETWEEN 0 AND 1000);

-- How many machines may be activated in 24 hours, whether or not they are
-- freed again. NULL: the rule's default; 0: as many as they like. A guard
-- against passing one seat around, not a promise, so it is read live: the
-- license's own, else its policy's.
ALTER TABLE policies ADD COLUMN max_activations_per_day INTEGER CHECK (max_activations_per_day >= 0);
ALTER TABLE licenses ADD COLUMN max_activations_per_day INTEGER CHECK (max_activations_per_day >= 0);

-- One activation of one machine. A machine that comes back after it was freed
-- gets a new row, so that the rows of a day tell the churn.
CREATE TABLE machines (
  id TEXT PRIMARY KEY,
  license_id TEXT NOT NULL REFERENCES licenses (id),
  fingerprint_hash TEXT NOT NULL,
  hostname TEXT,
  platform TEXT,
  activated_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL,
  deactivated_at INTEGER,
  deactivation_reason TEXT
) STRICT;

CREATE UNIQUE INDEX machines_active ON machines (license_id, fingerprint_hash)
  WHERE deactivated_at IS NULL;

CREATE INDEX machines_of_license ON machines (license_id, activated_at);

-- amount: basis points for percent, sats for fixed_sats and set_price, 0 for
-- free_license. product_id NULL: every product. policy_ids: JSON list of
-- policy ids, NULL: every policy of the product. used_count counts reserved
-- and used ones.
CREATE TABLE discount_codes (
  id TEXT PRIMARY KEY,
  code TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL CHECK (kind IN ('percent', 'fixed_sats', 'set_price', 'free_license')),
  amount INTEGER NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  max_uses INTEGER CHECK (max_uses > 0),
  used_count INTEGER NOT NULL CHECK (used_count >= 0),
  expires_at INTEGER,
  product_id TEXT REFERENCES products (id),
  policy_ids TEXT,
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  featured INTEGER NOT NULL CHECK (featured IN (0, 1)),
  description TEXT NOT NULL,
  referrer_label TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX discount_codes_featured ON discount_codes (created_at) WHERE featured = 1;

-- One use of a code by one invoice: reserved with the order, used when it
-- settles, released when it expires or fails.
CREATE TABLE redemptions (
  id TEXT PRIMARY KEY,
  code_id TEXT NOT NULL REFERENCES discount_codes (id),
  invoice_id TEXT NOT NULL UNIQUE REFERENCES invoices (id),
  state TEXT NOT NULL CHECK (state IN ('reserved', 'used', 'released')),
  discount_sats INTEGER NOT NULL CHECK (discount_sats >= 0),
  reserved_at INTEGER NOT NULL,
  ended_at INTEGER
) STRICT;

CREATE INDEX redemptions_of_code ON redemptions (code_id, reserved_at);

-- token_hash: SHA-256 of the token in lower-case hex; the token is shown once
-- and is nowhere.
CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  label TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('read-only', 'license-issuer', 'support', 'merchant-onboard', 'full-admin')),
  scopes TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;

-- Every validation, for finding abuse. Append-only, rows go when the
-- operator's retention is over. No foreign keys: a key may name a license that
-- is not here, and a log does not hold anything in place.
CREATE TABLE validation_log (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  license_id TEXT,
  product_id TEXT,
  machine_id TEXT,
  fingerprint_hash TEXT,
  result TEXT NOT NULL,
  address_prefix TEXT,
  user_agent TEXT
) STRICT;

CREATE INDEX validation_log_of_license ON validation_log (license_id, id) WHERE license_id IS NOT NULL;

-- A request sent with Idempotency-Key. id: hash of the caller, the route and
-- the key, so that the key itself is not kept. applied: its batch was written.
-- answer: the sealed answer, once there is one. attempt: who works on it.
CREATE TABLE idempotency_keys (
  id TEXT PRIMARY KEY,
  body_hash TEXT NOT NULL,
  attempt TEXT NOT NULL,
  applied INTEGER NOT NULL CHECK (applied IN (0, 1)),
  answer TEXT,
  started_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT;

CREATE INDEX idempotency_keys_by_expiry ON idempotency_keys (expires_at);

-- A token bucket: when it is full again, in unix milliseconds.
CREATE TABLE rate_limits (
  bucket TEXT PRIMARY KEY,
  full_at INTEGER NOT NULL
) STRICT;

-- What the operator looks up.
CREATE INDEX licenses_by_email ON licenses (lower(trim(buyer_email))) WHERE buyer_email IS NOT NULL;
CREATE INDEX licenses_by_time ON licenses (issued_at, id);
CREATE INDEX audit_by_time ON audit (at, id);
