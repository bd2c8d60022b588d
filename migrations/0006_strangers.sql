-- What holds against strangers. One migration for one release; each part says what it
-- is for.

-- Orders: the secret that opens the key is not the order's id.

-- poll_hash: SHA-256 of the order's secret in lower-case hex; NULL for an order from
-- before, which is opened by its id. redirect_url: where the buyer goes after paying on
-- a page of ours, with its placeholders.
ALTER TABLE invoices ADD COLUMN poll_hash TEXT;

ALTER TABLE invoices ADD COLUMN redirect_url TEXT;

CREATE UNIQUE INDEX invoices_by_poll_hash ON invoices (poll_hash) WHERE poll_hash IS NOT NULL;

-- Orders: what is held, for how long, and what is purged.

-- An order that cost its buyer nothing yet, and where it came from, for as long as it
-- counts: an unpaid one for an hour or until it is paid, a free one for an hour, a
-- trial for a day. caller: the address as hex digits behind 4 or 6 (an IPv6 one up to
-- its /64), so that a prefix of it is a network; 0 where no address is known.
-- with_code: it has a discount code whose uses are limited.
CREATE TABLE recent_orders (
  invoice_id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('unpaid', 'free', 'trial')),
  caller TEXT NOT NULL,
  with_code INTEGER NOT NULL CHECK (with_code IN (0, 1)),
  ordered_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX recent_orders_of_caller ON recent_orders (caller, ordered_at);

-- The uses that orders hold and have not paid for.
CREATE INDEX redemptions_reserved ON redemptions (code_id, reserved_at) WHERE state = 'reserved';

-- Whose turn it is to be asked for orders: a connected store, or '' for that of the
-- configuration. turn: the last one it had; leased_until: when it may have the next.
-- list_at: when its paid invoices are listed next; skip: how many of the newest were
-- read; page_size: how many fit an answer; failures: how often it did not answer.
CREATE TABLE store_turns (
  store TEXT PRIMARY KEY,
  turn INTEGER NOT NULL,
  leased_until INTEGER NOT NULL,
  list_at INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  skip INTEGER NOT NULL,
  page_size INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the reconciler asks each store for: orders that are not decided or ended
-- unpaid, those of which something was paid, and settled ones, once more.
CREATE INDEX invoices_unsettled ON invoices (payment_provider_id, next_check_at)
  WHERE next_check_at IS NOT NULL AND status <> 'settled';

CREATE INDEX invoices_partly_paid ON invoices (payment_provider_id, next_check_at)
  WHERE next_check_at IS NOT NULL AND status <> 'settled' AND payment_state <> 'unpaid';

CREATE INDEX invoices_settled_watched ON invoices (payment_provider_id, next_check_at)
  WHERE next_check_at IS NOT NULL AND status = 'settled';

-- Whether an operator was told of an order.
CREATE INDEX attention_of_object ON attention (object_kind, object_id);

-- What is purged some time after it ended unpaid.
CREATE INDEX invoices_abandoned ON invoices (created_at)
  WHERE status IN ('expired', 'invalid') AND payment_state = 'unpaid';

-- The chain: cursors, what is read again, and what could not be read.

-- Addresses that are read a second time behind the cursor, a thousand derived ones in
-- a group: group_number is the index / 1000, and -1 for the one wallet. block:
-- everything up to it was read for each address of the group; block_time: of that
-- block or of one before it. orders_until: when the last order of the group ends.
-- is_watched: 0 while no order holds an address of it. failures: how often in a row it
-- could not be read, and due_at: not before then.
CREATE TABLE chain_groups (
  chain_id INTEGER NOT NULL,
  token TEXT NOT NULL,
  group_number INTEGER NOT NULL CHECK (group_number >= -1),
  block INTEGER NOT NULL CHECK (block >= 0),
  block_time INTEGER NOT NULL,
  orders_until INTEGER NOT NULL,
  is_watched INTEGER NOT NULL CHECK (is_watched IN (0, 1)),
  failures INTEGER NOT NULL DEFAULT 0,
  due_at INTEGER NOT NULL DEFAULT 0,
  step_id TEXT NOT NULL,
  PRIMARY KEY (chain_id, token, group_number)
) STRICT, WITHOUT ROWID;

INSERT INTO chain_groups (chain_id, token, group_number, block, block_time, orders_until,
                          is_watched, step_id)
SELECT chain_id, token, -1, block, block_time, 0, 1, step_id || ':-1' FROM chain_cursors;

INSERT INTO chain_groups (chain_id, token, group_number, block, block_time, orders_until,
                          is_watched, step_id)
SELECT c.chain_id, c.token, o.derivation_index / 1000, c.block, c.block_time, max(o.expires_at),
       1, c.step_id || ':' || (o.derivation_index / 1000)
FROM usdc_orders o
JOIN chain_cursors c ON c.chain_id = o.chain_id AND c.token = o.token
WHERE o.reserved = 1 AND o.derivation_index IS NOT NULL
GROUP BY c.chain_id, c.token, o.derivation_index / 1000;

-- How many blocks are asked for at once behind the cursor, as range_*.
ALTER TABLE chain_cursors ADD COLUMN back_size INTEGER;

ALTER TABLE chain_cursors ADD COLUMN back_ceiling INTEGER;

ALTER TABLE chain_cursors ADD COLUMN back_calm INTEGER;

-- Work on the chain beside the cursor. kind block: a block whose logs no endpoint
-- gives, read by the receipts of its transactions, next_transaction first; range:
-- blocks that the operator wants to have read again, group after group; cursor: the
-- operator moves the cursor to first_block. chain_id and token: NULL for the ones
-- that are configured. failures: how often in a row it could not be done.
CREATE TABLE chain_jobs (
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('block', 'range', 'cursor')),
  chain_id INTEGER,
  token TEXT,
  first_block INTEGER NOT NULL CHECK (first_block >= 0),
  last_block INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'done', 'failed')),
  block_hash TEXT,
  group_number INTEGER,
  next_block INTEGER NOT NULL,
  next_transaction INTEGER NOT NULL,
  failures INTEGER NOT NULL,
  details TEXT,
  note TEXT,
  due_at INTEGER NOT NULL,
  requested_by TEXT NOT NULL,
  requested_at INTEGER NOT NULL,
  ended_at INTEGER,
  step_id TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX chain_jobs_open ON chain_jobs (due_at) WHERE state = 'open';

CREATE INDEX chain_jobs_by_time ON chain_jobs (requested_at, id);

CREATE INDEX chain_jobs_by_step ON chain_jobs (step_id);

-- Whether an address was ever paid.
CREATE INDEX chain_transfers_by_recipient ON chain_transfers (chain_id, recipient);

-- The addresses of open orders that have one of their own, and those of the others.
CREATE INDEX usdc_orders_open_derived ON usdc_orders (chain_id, token, expires_at)
  WHERE is_open = 1 AND derivation_index IS NOT NULL;

-- The addresses of a group.
CREATE INDEX usdc_orders_derived ON usdc_orders (chain_id, derivation_index % 4294967296)
  WHERE reserved = 1 AND derivation_index IS NOT NULL;

CREATE INDEX usdc_orders_underived ON usdc_orders (chain_id, address)
  WHERE reserved = 1 AND derivation_index IS NULL;

-- is_used: 0 from when an index is given out until an order has it, and again once
-- that order's address is let go and was never paid. Then it is given out again, and
-- times_reused counts that. An order's derivation_index is the index, and 2^32 for
-- each time that it was reused before: so it is unique.
ALTER TABLE derivations ADD COLUMN is_used INTEGER NOT NULL DEFAULT 1 CHECK (is_used IN (0, 1));

ALTER TABLE derivations ADD COLUMN times_reused INTEGER NOT NULL DEFAULT 0;

CREATE INDEX derivations_unused ON derivations (derivation_index) WHERE is_used = 0;

-- Transfers: what could not be judged yet, and who confirmed it.

-- tries: looks that came to nothing; next_try_at: not before then, in unix seconds;
-- put_off_because: what the endpoints said, for the operator. confirmed_by: the hosts
-- that bore it out. finding: a reason that the list of reason lacks; reason is then
-- 'unknown'. license_from: from when the license runs that an operator had issued.
ALTER TABLE chain_transfers ADD COLUMN tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chain_transfers ADD COLUMN next_try_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE chain_transfers ADD COLUMN put_off_because TEXT;
ALTER TABLE chain_transfers ADD COLUMN confirmed_by TEXT;
ALTER TABLE chain_transfers ADD COLUMN finding TEXT
  CHECK (finding IN ('early', 'ambiguous', 'unconfirmed'));
ALTER TABLE chain_transfers ADD COLUMN license_from INTEGER;

-- Below a cent comes last.
CREATE INDEX chain_transfers_to_judge
  ON chain_transfers (chain_id, amount_units < 10000, tries, next_try_at) WHERE state = 'seen';

-- Who had an amount when, whether it is held now or not.
CREATE INDEX usdc_orders_by_amount ON usdc_orders (chain_id, address, amount_units, expires_at);

CREATE INDEX usdc_orders_own ON usdc_orders (chain_id, address, expires_at)
  WHERE derivation_index IS NOT NULL;

-- Wallets that had no program when they were last looked at: no contract to ask.
CREATE TABLE plain_wallets (
  chain_id INTEGER NOT NULL,
  wallet TEXT NOT NULL,
  checked_at INTEGER NOT NULL,
  PRIMARY KEY (chain_id, wallet)
) STRICT, WITHOUT ROWID;

CREATE INDEX plain_wallets_by_time ON plain_wallets (checked_at);

-- Receipts: sealed against whoever can write the database.

-- What shows that a receipt was written by a function that may settle: an HMAC over
-- all of its members and its license's id, under a key that is not in the database.
-- Written with the receipt, and never changed. NULL: from before there were seals.
ALTER TABLE receipts ADD COLUMN seal_key_id TEXT;
ALTER TABLE receipts ADD COLUMN seal_mac TEXT;

-- Seals that were added by the operator: for receipts from before, and one for each
-- key that took the place of an older one.
CREATE TABLE receipt_seals (
  receipt_id TEXT NOT NULL REFERENCES receipts (id),
  key_id TEXT NOT NULL,
  mac TEXT NOT NULL,
  sealed_at INTEGER NOT NULL,
  PRIMARY KEY (receipt_id, key_id)
) STRICT, WITHOUT ROWID;

-- Releases: the vendor's public keys, and what a scope may do.

-- The public halves of the vendor's release keys, as minisign writes them. A
-- product with none takes no release from a scoped key.
CREATE TABLE release_keys (
  product_id TEXT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
  public_key TEXT NOT NULL,
  position INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  PRIMARY KEY (product_id, public_key)
) STRICT, WITHOUT ROWID;

-- Which key the statement about the file verified under; NULL where that was
-- never looked at. Feeds offer a file while that key stands.
ALTER TABLE release_files ADD COLUMN verified_by TEXT;

-- Access: keys that expire, refused credentials, keys that were handed out.

-- The role is read as an enum, so the table no longer lists the roles: it would have to
-- be made again for each new one. Copied aside, dropped, made again and filled.
CREATE TABLE api_keys_aside (
  id TEXT, label TEXT, role TEXT, scopes TEXT, token_hash TEXT, created_at INTEGER,
  last_used_at INTEGER, revoked_at INTEGER
) STRICT;

INSERT INTO api_keys_aside
SELECT id, label, role, scopes, token_hash, created_at, last_used_at, revoked_at FROM api_keys;

DROP TABLE api_keys;

CREATE TABLE api_keys (
  id TEXT PRIMARY KEY,
  label TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role <> ''),
  scopes TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL,
  last_used_at INTEGER,
  revoked_at INTEGER
) STRICT;

INSERT INTO api_keys (id, label, role, scopes, token_hash, created_at, last_used_at, revoked_at)
SELECT id, label, role, scopes, token_hash, created_at, last_used_at, revoked_at
FROM api_keys_aside;

DROP TABLE api_keys_aside;

-- How many rows the connection had changed when a key was claimed: a batch that
-- changed nothing since then takes its claim back.
ALTER TABLE idempotency_keys ADD COLUMN changes_before INTEGER;

-- How often in an hour a license's key was shown, or a credential refused: one row for
-- each license or network and hour, and one with an empty subject for all those that
-- are too many to tell apart.
CREATE TABLE hourly_counts (
  kind TEXT NOT NULL,
  subject TEXT NOT NULL,
  hour INTEGER NOT NULL,
  count INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  network TEXT,
  PRIMARY KEY (hour, kind, subject)
) STRICT;

-- Since when a scoped key opens nothing by itself; NULL never.
ALTER TABLE api_keys ADD COLUMN expires_at INTEGER;
