-- Upgrades and changes of policy: what they cost, what they do, and when.

-- kind: for which time it is paid. quoted_*: the license as it was priced; a payment that
-- finds another one changes nothing. effect: what the license and its subscription become,
-- as JSON. before: what they were, for a payment that is taken back. effective_at: when a
-- change takes effect whose period is paid. state: open (it has an order), booked (for the
-- next period), paid (waits for that period), done, withdrawn.
CREATE TABLE tier_changes (
  id TEXT PRIMARY KEY,
  license_id TEXT NOT NULL REFERENCES licenses (id),
  subscription_id TEXT REFERENCES subscriptions (id),
  from_policy_id TEXT,
  to_policy_id TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('running_period', 'new_period', 'once', 'next_period')),
  state TEXT NOT NULL CHECK (state IN ('open', 'booked', 'paid', 'done', 'withdrawn')),
  price_currency TEXT NOT NULL,
  price_amount INTEGER NOT NULL CHECK (price_amount >= 0),
  quoted_expires_at INTEGER,
  quoted_paid_cycles INTEGER,
  effect TEXT NOT NULL,
  before TEXT,
  effective_at INTEGER,
  created_at INTEGER NOT NULL,
  done_at INTEGER
) STRICT;

CREATE INDEX tier_changes_of_license ON tier_changes (license_id, state);

CREATE INDEX tier_changes_to_policy ON tier_changes (to_policy_id)
  WHERE state IN ('booked', 'paid');

-- tier_change_id: the change that this order pays for, or with whose price it pays a cycle.
ALTER TABLE invoices ADD COLUMN tier_change_id TEXT;

CREATE INDEX invoices_of_tier_change ON invoices (tier_change_id)
  WHERE tier_change_id IS NOT NULL;

-- The change that takes effect with the next cycle that is paid.
ALTER TABLE subscriptions ADD COLUMN booked_change_id TEXT;

-- What a whole period of its remaining days was sold for, after an upgrade; NULL: its price.
ALTER TABLE subscription_cycles ADD COLUMN worth_amount INTEGER CHECK (worth_amount >= 0);
