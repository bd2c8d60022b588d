-- The audit log is sealed: its entries become the leaves of a Merkle tree, whose head is
-- signed.

-- Entries get a number that rises in the order in which their batches commit, and never
-- comes again, as events have one. The table is rebuilt, because no statement adds such a
-- column; every row keeps its id, and rows come in the order in which they were written. A
-- release from before inserts as it did.
--
-- salt: 16 random bytes in hex, so that nobody finds out by trial what an entry said whose
-- before and after were erased. content_digest: the digest of salt, before and after, in
-- hex, once these three are erased; NULL while they are there.
CREATE TABLE audit_aside (
  sequence INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT UNIQUE,
  at INTEGER NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  object_kind TEXT NOT NULL,
  object_id TEXT NOT NULL,
  before TEXT,
  after TEXT,
  request_id TEXT NOT NULL,
  salt TEXT DEFAULT (lower(hex(randomblob(16)))),
  content_digest TEXT
) STRICT;

INSERT INTO audit_aside (id, at, actor, action, object_kind, object_id, before, after, request_id)
  SELECT id, at, actor, action, object_kind, object_id, before, after, request_id
  FROM audit ORDER BY rowid;

DROP TABLE audit;

ALTER TABLE audit_aside RENAME TO audit;

CREATE INDEX audit_by_object ON audit (object_kind, object_id);

CREATE INDEX audit_by_time ON audit (at, id);

-- One leaf per sealed entry, never changed and never deleted. position: from 0, without
-- gaps. sequence: that of the entry, which may be pruned. version: the layout of the leaf.
-- hash: SHA-256 as of RFC 6962, in hex.
CREATE TABLE audit_leaves (
  position INTEGER PRIMARY KEY,
  sequence INTEGER NOT NULL UNIQUE,
  version INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;

-- The tree over these leaves; no row before the first seal. origin: the name of the log,
-- fixed at the first seal. frontier: the hashes of its perfect subtrees, the largest first,
-- in hex. sealed_to: the sequence of the last leaf. signed_size and note: the newest
-- checkpoint. pruned_to: entries at positions below it were deleted by retention.
CREATE TABLE audit_tree (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  origin TEXT NOT NULL,
  size INTEGER NOT NULL,
  frontier TEXT NOT NULL,
  sealed_to INTEGER NOT NULL,
  signed_size INTEGER NOT NULL,
  note TEXT,
  signed_at INTEGER,
  pruned_to INTEGER NOT NULL
) STRICT;
