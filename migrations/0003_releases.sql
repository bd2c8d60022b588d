-- Releases and who may download them.

-- Included updates: versions built in this time after the license was issued.
-- NULL: every version, as long as the license is good. Like the other terms it
-- is copied to the license when it is sold, there as a day's last second.
ALTER TABLE policies ADD COLUMN maintenance_seconds INTEGER CHECK (maintenance_seconds > 0);
ALTER TABLE invoices ADD COLUMN maintenance_seconds INTEGER CHECK (maintenance_seconds > 0);
ALTER TABLE licenses ADD COLUMN maintenance_until INTEGER;

-- One published version. The manifest in the release storage is written from
-- these rows; written_revision tells which state of them it shows, so that a
-- write that failed is done again.
CREATE TABLE releases (
  id TEXT PRIMARY KEY,
  product_id TEXT NOT NULL REFERENCES products (id),
  version TEXT NOT NULL,
  channel TEXT NOT NULL CHECK (channel IN ('stable', 'rc', 'beta', 'alpha', 'dev')),
  notes TEXT,
  source_commit TEXT,
  requires_entitlement TEXT,
  rollout_percent INTEGER NOT NULL CHECK (rollout_percent BETWEEN 0 AND 100),
  metadata TEXT NOT NULL,
  built_at INTEGER NOT NULL,
  published_at INTEGER NOT NULL,
  yanked_at INTEGER,
  yank_reason TEXT,
  revision INTEGER NOT NULL,
  written_revision INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (product_id, version)
) STRICT;

CREATE INDEX releases_by_time ON releases (product_id, published_at, id);

-- One file of a version. sha256 is also the key its bytes are stored under;
-- signature is the whole text of the vendor's signature file.
CREATE TABLE release_files (
  release_id TEXT NOT NULL REFERENCES releases (id),
  platform TEXT NOT NULL,
  file_name TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  sha256 TEXT NOT NULL,
  sha512 TEXT NOT NULL,
  signature TEXT NOT NULL,
  PRIMARY KEY (release_id, platform)
) STRICT, WITHOUT ROWID;

-- Who may download a product; without a row a license is needed.
CREATE TABLE release_gates (
  product_id TEXT PRIMARY KEY REFERENCES products (id),
  requires_license INTEGER NOT NULL CHECK (requires_license IN (0, 1)),
  requires_entitlement TEXT,
  revision INTEGER NOT NULL,
  written_revision INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;

-- Bytes on their way into the release storage, in parts that follow one
-- another. hash_state: the digest of what has arrived so far.
CREATE TABLE uploads (
  id TEXT PRIMARY KEY,
  product_id TEXT NOT NULL REFERENCES products (id),
  sha256 TEXT NOT NULL,
  size INTEGER NOT NULL CHECK (size >= 0),
  received INTEGER NOT NULL CHECK (received BETWEEN 0 AND size),
  storage_ref TEXT,
  parts TEXT NOT NULL,
  hash_state TEXT NOT NULL,
  completed_at INTEGER,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (product_id, sha256)
) STRICT;

CREATE INDEX uploads_by_time ON uploads (updated_at);

-- Every download that was begun. Append-only; no foreign keys, as a token may
-- name a license that is not here.
CREATE TABLE download_log (
  id INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  license_id TEXT,
  product TEXT NOT NULL,
  version TEXT NOT NULL,
  platform TEXT NOT NULL,
  result TEXT NOT NULL,
  site TEXT,
  address_prefix TEXT
) STRICT;

CREATE INDEX download_log_of_license ON download_log (license_id, id) WHERE license_id IS NOT NULL;

-- What opens the downloads of one license and nothing else, for places that
-- are not fit for a key: a URL, a web site's database. Replaced when the
-- operator wants so.
CREATE TABLE download_ids (
  license_id TEXT PRIMARY KEY REFERENCES licenses (id),
  download_id TEXT NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
