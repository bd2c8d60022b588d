-- Payments in USDC on Polygon: orders, what was read of the chain, and claims.
--
-- Two tables, receipts and invoices, are rebuilt, because their CHECKs list more values.
-- Each is copied aside, dropped, created again under its name and filled from the copy.
-- Rows that refer to them lack a parent only in between, which the pragma allows until
-- the migration is committed.
PRAGMA defer_foreign_keys = on;

CREATE TABLE receipts_aside (
  id TEXT, kind TEXT, external_ref TEXT, invoice_id TEXT, product_id TEXT, amount INTEGER,
  currency TEXT, received_at INTEGER
) STRICT;

INSERT INTO receipts_aside
SELECT id, kind, external_ref, invoice_id, product_id, amount, currency, received_at FROM receipts;

CREATE TABLE invoices_aside (
  id TEXT, product_id TEXT, policy_id TEXT, provider TEXT, provider_invoice_id TEXT,
  checkout_url TEXT, status TEXT, amount_sats INTEGER, base_price_sats INTEGER,
  duration_seconds INTEGER, grace_seconds INTEGER, max_machines INTEGER, entitlements TEXT,
  is_trial INTEGER, buyer_email TEXT, buyer_note TEXT, created_at INTEGER, settled_at INTEGER,
  next_check_at INTEGER, checks INTEGER, maintenance_seconds INTEGER, payment_provider_id TEXT,
  price_currency TEXT, price_amount INTEGER, base_price_amount INTEGER, payment_state TEXT,
  paid_amount TEXT, paid_currency TEXT, step_id TEXT, watch_until INTEGER
) STRICT;

INSERT INTO invoices_aside
SELECT id, product_id, policy_id, provider, provider_invoice_id, checkout_url, status, amount_sats,
       base_price_sats, duration_seconds, grace_seconds, max_machines, entitlements, is_trial,
       buyer_email, buyer_note, created_at, settled_at, next_check_at, checks, maintenance_seconds,
       payment_provider_id, price_currency, price_amount, base_price_amount, payment_state,
       paid_amount, paid_currency, step_id, watch_until
FROM invoices;

DROP TABLE receipts;

DROP TABLE invoices;

-- As before, with the providers 'zaprite' and 'polygon'.
CREATE TABLE invoices (
  id TEXT PRIMARY KEY,
  product_id TEXT NOT NULL REFERENCES products (id),
  policy_id TEXT REFERENCES policies (id),
  provider TEXT NOT NULL CHECK (provider IN ('free', 'btcpay', 'zaprite', 'polygon')),
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
  maintenance_seconds INTEGER CHECK (maintenance_seconds > 0),
  payment_provider_id TEXT REFERENCES payment_providers (id),
  price_currency TEXT NOT NULL DEFAULT 'SAT',
  price_amount INTEGER,
  base_price_amount INTEGER,
  payment_state TEXT NOT NULL DEFAULT 'unpaid'
    CHECK (payment_state IN ('unpaid', 'processing', 'underpaid', 'paid', 'overpaid', 'paid_late')),
  paid_amount TEXT,
  paid_currency TEXT,
  step_id TEXT,
  watch_until INTEGER,
  UNIQUE (provider, provider_invoice_id)
) STRICT;

INSERT INTO invoices (id, product_id, policy_id, provider, provider_invoice_id, checkout_url,
                      status, amount_sats, base_price_sats, duration_seconds, grace_seconds,
                      max_machines, entitlements, is_trial, buyer_email, buyer_note, created_at,
                      settled_at, next_check_at, checks, maintenance_seconds, payment_provider_id,
                      price_currency, price_amount, base_price_amount, payment_state, paid_amount,
                      paid_currency, step_id, watch_until)
SELECT id, product_id, policy_id, provider, provider_invoice_id, checkout_url, status, amount_sats,
       base_price_sats, duration_seconds, grace_seconds, max_machines, entitlements, is_trial,
       buyer_email, buyer_note, created_at, settled_at, next_check_at, checks, maintenance_seconds,
       payment_provider_id, price_currency, price_amount, base_price_amount, payment_state,
       paid_amount, paid_currency, step_id, watch_until
FROM invoices_aside;

CREATE INDEX invoices_to_check ON invoices (next_check_at) WHERE status = 'pending';

CREATE INDEX invoices_to_watch ON invoices (next_check_at) WHERE next_check_at IS NOT NULL;

-- As before, with the kinds 'zaprite' and 'polygon'. external_ref of a transfer:
-- polygon:<chain id>:<hash of the transaction>:<index of the log>.
CREATE TABLE receipts (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('btcpay', 'zaprite', 'polygon', 'free', 'grant')),
  external_ref TEXT NOT NULL,
  invoice_id TEXT UNIQUE REFERENCES invoices (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  amount INTEGER NOT NULL CHECK (amount >= 0),
  currency TEXT NOT NULL,
  received_at INTEGER NOT NULL,
  UNIQUE (kind, external_ref)
) STRICT;

INSERT INTO receipts (id, kind, external_ref, invoice_id, product_id, amount, currency, received_at)
SELECT id, kind, external_ref, invoice_id, product_id, amount, currency, received_at
FROM receipts_aside;

DROP TABLE receipts_aside;

DROP TABLE invoices_aside;

-- Addresses and hashes are lower-case hex with 0x; amounts are micro-units.

-- How far the chain was read for one token: block is the last one that was read
-- whole. range_*: how many blocks are asked for at once, and what is known of the
-- limit. step_id: the last change; what is recorded of a range hangs on it.
CREATE TABLE chain_cursors (
  chain_id INTEGER NOT NULL,
  token TEXT NOT NULL,
  block INTEGER NOT NULL CHECK (block >= 0),
  block_hash TEXT NOT NULL,
  block_time INTEGER NOT NULL,
  range_size INTEGER NOT NULL,
  range_ceiling INTEGER NOT NULL,
  range_calm INTEGER NOT NULL,
  step_id TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (chain_id, token)
) STRICT, WITHOUT ROWID;

-- Where the cursor has been, to find the way back when blocks are replaced that
-- counted as final. One for each 64 blocks; a slot is written over by the block
-- 128 slots later.
CREATE TABLE chain_checkpoints (
  chain_id INTEGER NOT NULL,
  token TEXT NOT NULL,
  slot INTEGER NOT NULL,
  block INTEGER NOT NULL,
  block_hash TEXT NOT NULL,
  block_time INTEGER NOT NULL,
  PRIMARY KEY (chain_id, token, slot)
) STRICT, WITHOUT ROWID;

-- RPC endpoints that are not asked for a while, or asked last. id: a hash of
-- the URL, which may hold an access key.
CREATE TABLE rpc_endpoints (
  id TEXT PRIMARY KEY,
  host TEXT NOT NULL,
  reason TEXT NOT NULL CHECK (reason IN ('unreachable', 'wrong_chain', 'disagrees', 'lies')),
  details TEXT NOT NULL,
  set_aside_until INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What an order is to be paid with. derivation_index: of an address of its own;
-- NULL when it is paid to the one wallet, where the amount tells the order.
-- is_open: neither paid nor over. reserved: no other order has this address and
-- amount; till reserved_until by the time of the chain.
CREATE TABLE usdc_orders (
  invoice_id TEXT PRIMARY KEY REFERENCES invoices (id),
  chain_id INTEGER NOT NULL,
  token TEXT NOT NULL,
  address TEXT NOT NULL,
  amount_units INTEGER NOT NULL CHECK (amount_units > 0),
  derivation_index INTEGER UNIQUE CHECK (derivation_index >= 1),
  expires_at INTEGER NOT NULL,
  is_open INTEGER NOT NULL CHECK (is_open IN (0, 1)),
  reserved INTEGER NOT NULL CHECK (reserved IN (0, 1)),
  reserved_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX usdc_orders_reserved ON usdc_orders (chain_id, address, amount_units)
  WHERE reserved = 1;

CREATE INDEX usdc_orders_to_release ON usdc_orders (chain_id, token, reserved_until)
  WHERE reserved = 1;

CREATE INDEX usdc_orders_open ON usdc_orders (chain_id, token, expires_at) WHERE is_open = 1;

-- One row for each index that was given out; what is derived from it is used
-- for one order or for none.
CREATE TABLE derivations (
  derivation_index INTEGER PRIMARY KEY CHECK (derivation_index >= 1),
  given_at INTEGER NOT NULL
) STRICT;

-- Every transfer to us. seen: recorded, and not judged yet; checked_at is when that
-- was last tried. invoice_id: the order it paid, or the one it is for. reorged:
-- its block is no longer part of the chain; was is its state before, and log_index
-- is then -1 - the index that it had, so that it stands in nobody's way.
CREATE TABLE chain_transfers (
  id TEXT PRIMARY KEY,
  chain_id INTEGER NOT NULL,
  tx_hash TEXT NOT NULL,
  log_index INTEGER NOT NULL,
  block INTEGER NOT NULL,
  block_hash TEXT NOT NULL,
  block_time INTEGER,
  token TEXT NOT NULL,
  payer TEXT NOT NULL,
  recipient TEXT NOT NULL,
  amount_units INTEGER NOT NULL CHECK (amount_units > 0),
  state TEXT NOT NULL CHECK (state IN ('seen', 'credited', 'unmatched', 'resolved', 'reorged')),
  was TEXT,
  reason TEXT
    CHECK (reason IN ('underpaid', 'overpaid', 'late', 'wrong_token', 'duplicate', 'unknown')),
  invoice_id TEXT REFERENCES invoices (id),
  resolution TEXT CHECK (resolution IN ('settled', 'refunded', 'ignored')),
  resolution_note TEXT,
  resolved_at INTEGER,
  resolved_by TEXT,
  recorded_at INTEGER NOT NULL,
  checked_at INTEGER NOT NULL,
  UNIQUE (chain_id, tx_hash, log_index)
) STRICT;

CREATE INDEX chain_transfers_seen ON chain_transfers (chain_id, checked_at) WHERE state = 'seen';

CREATE INDEX chain_transfers_to_match ON chain_transfers (chain_id, recipient, amount_units)
  WHERE state = 'seen';

CREATE INDEX chain_transfers_by_block ON chain_transfers (chain_id, block, id);

CREATE INDEX chain_transfers_by_time ON chain_transfers (recorded_at, id);

-- Whether a wallet ever paid.
CREATE INDEX chain_transfers_of_payer ON chain_transfers (payer)
  WHERE state IN ('credited', 'resolved');

CREATE INDEX chain_transfers_of_invoice ON chain_transfers (invoice_id) WHERE invoice_id IS NOT NULL;

-- A proof that was asked for. subject: what it is for, such as the hash of a
-- transaction. The nonce is used once.
CREATE TABLE claim_challenges (
  nonce TEXT PRIMARY KEY,
  subject TEXT NOT NULL,
  wallet TEXT NOT NULL,
  message TEXT NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX claim_challenges_by_expiry ON claim_challenges (expires_at);

-- Which file a wallet that paid was claimed for.
CREATE TABLE wallet_claims (
  id TEXT PRIMARY KEY,
  wallet TEXT NOT NULL,
  binary_sha256 TEXT NOT NULL,
  claimed_at INTEGER NOT NULL,
  UNIQUE (wallet, binary_sha256)
) STRICT;

CREATE INDEX wallet_claims_by_time ON wallet_claims (claimed_at, id);
