-- Payments: businesses and their stores, what came in, and what somebody has
-- to look at.

-- A business. There is always exactly one default; the first one is here from
-- the start and takes the operator's name until it is given its own.
CREATE TABLE merchant_profiles (
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL,
  legal_name TEXT,
  support_url TEXT,
  support_email TEXT,
  brand_color TEXT,
  post_purchase_redirect_url TEXT,
  is_default INTEGER NOT NULL CHECK (is_default IN (0, 1)),
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX merchant_profiles_default ON merchant_profiles (is_default) WHERE is_default = 1;

INSERT INTO merchant_profiles (id, name, is_default, created_at, updated_at)
VALUES ('00000000-0000-7000-8000-000000000001', '', 1, 0, 0);

-- A connected store. credentials are sealed with a key that is not in the
-- database. A store that was disconnected stays: its orders name it.
CREATE TABLE payment_providers (
  id TEXT PRIMARY KEY,
  merchant_profile_id TEXT NOT NULL REFERENCES merchant_profiles (id),
  kind TEXT NOT NULL CHECK (kind IN ('btcpay', 'zaprite')),
  label TEXT NOT NULL,
  base_url TEXT NOT NULL,
  store_id TEXT NOT NULL,
  credentials TEXT,
  webhook_id TEXT,
  network TEXT NOT NULL,
  connected_at INTEGER NOT NULL,
  disconnected_at INTEGER
) STRICT;

CREATE UNIQUE INDEX payment_providers_connected ON payment_providers (merchant_profile_id, kind)
  WHERE disconnected_at IS NULL;

-- A connection under way. state_hash: SHA-256 of what the browser carries.
CREATE TABLE provider_connects (
  state_hash TEXT PRIMARY KEY,
  merchant_profile_id TEXT NOT NULL REFERENCES merchant_profiles (id),
  actor TEXT NOT NULL,
  sandbox_only INTEGER NOT NULL CHECK (sandbox_only IN (0, 1)),
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT;

-- Which connected store takes a way of paying, where a business has several.
CREATE TABLE rail_preferences (
  merchant_profile_id TEXT NOT NULL REFERENCES merchant_profiles (id),
  rail TEXT NOT NULL CHECK (rail IN ('lightning', 'onchain', 'card')),
  payment_provider_id TEXT NOT NULL REFERENCES payment_providers (id),
  PRIMARY KEY (merchant_profile_id, rail)
) STRICT, WITHOUT ROWID;

-- NULL: the default one.
ALTER TABLE products ADD COLUMN merchant_profile_id TEXT REFERENCES merchant_profiles (id);

-- payment_provider_id NULL: the store of the configuration. price_*: what was
-- quoted, in the smallest unit of the currency; amount_sats is then what the
-- provider made of it. paid_amount: what came in, as the provider writes it.
-- step_id: the last change that a reading of the provider made, so that an older
-- reading changes nothing. watch_until: till when the provider watches.
ALTER TABLE invoices ADD COLUMN payment_provider_id TEXT REFERENCES payment_providers (id);
ALTER TABLE invoices ADD COLUMN price_currency TEXT NOT NULL DEFAULT 'SAT';
ALTER TABLE invoices ADD COLUMN price_amount INTEGER;
ALTER TABLE invoices ADD COLUMN base_price_amount INTEGER;
ALTER TABLE invoices ADD COLUMN payment_state TEXT NOT NULL DEFAULT 'unpaid'
  CHECK (payment_state IN ('unpaid', 'processing', 'underpaid', 'paid', 'overpaid', 'paid_late'));
ALTER TABLE invoices ADD COLUMN paid_amount TEXT;
ALTER TABLE invoices ADD COLUMN paid_currency TEXT;
ALTER TABLE invoices ADD COLUMN step_id TEXT;
ALTER TABLE invoices ADD COLUMN watch_until INTEGER;

UPDATE invoices SET payment_state = 'paid' WHERE status = 'settled';

-- What the reconciler reads: every order it still has to ask for, whatever its
-- state, the most overdue first.
CREATE INDEX invoices_to_watch ON invoices (next_check_at) WHERE next_check_at IS NOT NULL;

-- What an operator has to look at; once for each kind and object, open again
-- when it happens again.
CREATE TABLE attention (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  object_kind TEXT NOT NULL,
  object_id TEXT NOT NULL,
  details TEXT NOT NULL,
  resolved_at INTEGER,
  resolved_by TEXT,
  UNIQUE (kind, object_kind, object_id)
) STRICT;

CREATE INDEX attention_open ON attention (at, id) WHERE resolved_at IS NULL;
