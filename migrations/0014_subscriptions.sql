-- Subscriptions: what is sold by the period, the cycles that are due, and what pays them.

-- renewal_period_days NULL: not recurring. grace_period_days NULL: at most half the period.
-- renewal_price_amount NULL: a renewal costs what the first period costs.
ALTER TABLE policies ADD COLUMN is_recurring INTEGER NOT NULL DEFAULT 0 CHECK (is_recurring IN (0, 1));
ALTER TABLE policies ADD COLUMN renewal_period_days INTEGER CHECK (renewal_period_days BETWEEN 1 AND 3660);
ALTER TABLE policies ADD COLUMN trial_days INTEGER NOT NULL DEFAULT 0 CHECK (trial_days BETWEEN 0 AND 3660);
ALTER TABLE policies ADD COLUMN grace_period_days INTEGER CHECK (grace_period_days BETWEEN 0 AND 90);
ALTER TABLE policies ADD COLUMN renewal_price_amount INTEGER CHECK (renewal_price_amount >= 0);

-- For how many cycles a code holds; 0 for ever.
ALTER TABLE discount_codes ADD COLUMN cycles INTEGER NOT NULL DEFAULT 1 CHECK (cycles >= 0);

-- recurring: the terms of the subscription that this order starts, as JSON.
-- cycle_id: the cycle that this order pays.
ALTER TABLE invoices ADD COLUMN recurring TEXT;
ALTER TABLE invoices ADD COLUMN cycle_id TEXT;

-- At most one order of a cycle can be paid at a time.
CREATE UNIQUE INDEX invoices_open_attempt ON invoices (cycle_id)
  WHERE cycle_id IS NOT NULL AND status = 'pending';

CREATE INDEX invoices_of_cycle ON invoices (cycle_id, created_at) WHERE cycle_id IS NOT NULL;

-- A license that is paid by the period. How far it is paid stands in licenses.expires_at and
-- nowhere else. terms: what it was sold for, as JSON; the policy may change since.
-- pay_token: in the buyer's link; it shows the state and makes an order, and opens no key.
-- paid_cycles: the number of the newest cycle that was paid. next_step_at: when the tick has
-- something to do; NULL: nothing. step_id: the last change, on which a later one hangs.
CREATE TABLE subscriptions (
  id TEXT PRIMARY KEY,
  license_id TEXT NOT NULL UNIQUE REFERENCES licenses (id),
  product_id TEXT NOT NULL REFERENCES products (id),
  policy_id TEXT REFERENCES policies (id),
  state TEXT NOT NULL CHECK (state IN ('trialing', 'active', 'past_due', 'cancelled', 'lapsed')),
  terms TEXT NOT NULL,
  pay_token TEXT NOT NULL UNIQUE,
  paid_cycles INTEGER NOT NULL CHECK (paid_cycles >= 0),
  trial_ends_at INTEGER,
  grace_until INTEGER,
  started_at INTEGER NOT NULL,
  cancelled_at INTEGER,
  cancelled_by TEXT,
  cancel_reason TEXT,
  lapsed_at INTEGER,
  next_step_at INTEGER,
  step_id TEXT NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

CREATE INDEX subscriptions_due ON subscriptions (next_step_at) WHERE next_step_at IS NOT NULL;

CREATE INDEX subscriptions_past_due ON subscriptions (grace_until) WHERE state = 'past_due';

CREATE INDEX subscriptions_by_state ON subscriptions (state, id);

CREATE INDEX subscriptions_of_product ON subscriptions (product_id, policy_id);

-- One period that is or was to be paid. The cycle is unique; orders that pay it expire and
-- are replaced. starts_at and ends_at are what the payment bought, NULL before. receipt_id:
-- the payment.
CREATE TABLE subscription_cycles (
  id TEXT PRIMARY KEY,
  subscription_id TEXT NOT NULL REFERENCES subscriptions (id),
  number INTEGER NOT NULL CHECK (number > 0),
  state TEXT NOT NULL CHECK (state IN ('open', 'paid', 'withdrawn')),
  price_currency TEXT NOT NULL,
  price_amount INTEGER NOT NULL CHECK (price_amount >= 0),
  base_price_amount INTEGER NOT NULL CHECK (base_price_amount >= 0),
  due_at INTEGER NOT NULL,
  opened_at INTEGER NOT NULL,
  starts_at INTEGER,
  ends_at INTEGER,
  paid_at INTEGER,
  invoice_id TEXT REFERENCES invoices (id),
  receipt_id TEXT UNIQUE REFERENCES receipts (id),
  UNIQUE (subscription_id, number)
) STRICT;

-- Who had a trial of what: one for each buyer and product, for ever. buyer_hash: SHA-256 of
-- the address in one form, so that nothing needs to be erased here.
CREATE TABLE trials (
  product_id TEXT NOT NULL REFERENCES products (id),
  buyer_hash TEXT NOT NULL,
  order_id TEXT NOT NULL,
  began_at INTEGER NOT NULL,
  PRIMARY KEY (product_id, buyer_hash)
) STRICT, WITHOUT ROWID;

-- When renewals were last looked after, and since when without a pause: what a buyer could
-- not pay during a pause is not late.
CREATE TABLE renewal_clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  ticked_at INTEGER NOT NULL,
  running_since INTEGER NOT NULL
) STRICT;
