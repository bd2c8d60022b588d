-- Products, what they are sold for, and what was sold.
--
-- Ids are UUIDv7 text, times are unix seconds, amounts are whole minor units,
-- lists and free-form members are JSON text. A later migration never loses a row,
-- and the release before it keeps working on the new schema until the next deploy.

CREATE TABLE products (
  id TEXT PRIMARY KEY,
  slug TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  price_amount INTEGER NOT NULL CHECK (price_amount >= 0),
  price_currency TEXT NOT NULL,
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  metadata TEXT NOT NULL,
  entitlements_catalog TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- price_amount NULL: sold at the price of the product.
CREATE TABLE policies (
  id TEXT PRIMARY KEY,
  product_id TEXT NOT NULL REFERENCES products (id),
  slug TEXT NOT NULL,
  name TEXT NOT NULL,
  price_amount INTEGER CHECK (price_amount >= 0),
  duration_seconds INTEGER NOT NULL CHECK (duration_seconds >= 0),
  grace_seconds INTEGER NOT NULL CHECK (grace_seconds >= 0),
  max_machines INTEGER NOT NULL CHECK (max_machines >= 0),
  entitlements TEXT NOT NULL,
  is_trial INTEGER NOT NULL CHECK (is_trial IN (0, 1)),
  active INTEGER NOT NULL CHECK (active IN (0, 1)),
  public INTEGER NOT NULL CHECK (public IN (0, 1)),
  archived_at INTEGER,
  metadata TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (product_id, slug)
) STRICT;

-- One purchase. The terms are copied from the policy when the buyer orders, so
-- that a later change of the policy does not change what was bought.
-- provider_invoice_id is NULL between our row and the provider's answer.
CREATE TABLE invoices (
  id TEXT PRIMARY KEY,
  product_id TEXT NOT NULL REFERENCES products (id),
  policy_id TEXT REFERENCES policies (id),
  provider TEXT NOT NULL CHECK (provider IN ('free', 'btcpay')),
  provider_invoice_id TEXT,
  checkout_url TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'settled', 'expired', 'invalid')),
  amount_sats INTEGER NOT NULL CHECK (amount_sats >= 0),
  base_price_sats INTEGER NOT NULL CHECK (base_price_sats >= 0),
  duration_seconds INTEGER NOT NULL,
  grace_seconds INTEGER NOT NULL,
  max_machines INTEGER NOT NULL,
  entitlements TEXT NOT NULL,
  is_trial INTEGER NOT NULL,
  buyer_email TEXT,
  buyer_note TEXT,
  created_at INTEGER NOT NULL,
  settled_at INTEGER,
  next_check_at INTEGER,
  checks INTEGER NOT NULL,
  UNIQUE (provider, provider_invoice_id)
) STRICT;

-- What the reconciler reads: pending invoices, the most overdue first.
CREATE INDEX invoices_to_check ON invoices (next_check_at) WHERE status = 'pending';

-- A receipt entitles to exactly one license. external_ref is what was paid:
-- the provider's invoice, the free invoice, or the operator's grant.
CREATE TABLE receipts (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('btcpay', 'free', 'grant')),
  external_ref TEXT NOT NULL,
  invoice_id TEXT UNIQUE REFERENCES invoices (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  amount INTEGER NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  UNIQUE (kind, external_ref)
) STRICT;

-- expires_at NULL: never.
CREATE TABLE licenses (
  id TEXT PRIMARY KEY,
  receipt_id TEXT NOT NULL UNIQUE REFERENCES receipts (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  policy_id TEXT REFERENCES policies (id),
  status TEXT NOT NULL CHECK (status IN ('active', 'suspended', 'revoked')),
  status_reason TEXT,
  issued_at INTEGER NOT NULL,
  expires_at INTEGER,
  grace_seconds INTEGER NOT NULL CHECK (grace_seconds >= 0),
  max_machines INTEGER NOT NULL CHECK (max_machines >= 0),
  entitlements TEXT NOT NULL,
  is_trial INTEGER NOT NULL CHECK (is_trial IN (0, 1)),
  buyer_email TEXT,
  note TEXT,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX licenses_of_product ON licenses (product_id, issued_at);

-- Who did what to which object; written in the batch that does it.
CREATE TABLE audit (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object_kind TEXT NOT NULL,
  object_id TEXT NOT NULL,
  before TEXT,
  after TEXT,
  request_id TEXT NOT NULL
) STRICT;

CREATE INDEX audit_by_object ON audit (object_kind, object_id);

-- Outgoing events, written in the batch of the change they tell of; delivered
-- later, so that none is sent that was not recorded and none recorded is lost.
CREATE TABLE events (
  id TEXT PRIMARY KEY,
  at INTEGER NOT NULL,
  event_type TEXT NOT NULL,
  data TEXT NOT NULL,
  delivered_at INTEGER
) STRICT;

CREATE INDEX events_to_deliver ON events (at) WHERE delivered_at IS NULL;
