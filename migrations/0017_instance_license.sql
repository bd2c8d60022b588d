-- The license of this instance itself, where its host sets caps. One row once there is one.
-- sealed_key: the key, encrypted with CREDENTIALS_KEY; NULL for a key of the configuration.
-- entitlements (JSON) and expires_at: of the issuer's last good answer, and of the key before
-- there was one. verdict: what the issuer said last. checked_at: when it said so. failure:
-- why a later check had no answer, since failed_at.
CREATE TABLE instance_license (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  license_id TEXT NOT NULL,
  sealed_key TEXT,
  verdict TEXT NOT NULL CHECK (verdict IN ('unchecked', 'good', 'refused')),
  reason TEXT,
  entitlements TEXT NOT NULL,
  expires_at INTEGER,
  checked_at INTEGER,
  failure TEXT,
  failed_at INTEGER,
  next_check_at INTEGER NOT NULL
) STRICT;
