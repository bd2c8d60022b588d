-- What holds against strangers. One migration for one release; each part says what it
-- is for.

-- Orders: the secret that opens the key is not the order's id.

-- Orders: what is held, for how long, and what is purged.

-- The chain: cursors, what is read again, and what could not be read.

-- Transfers: what could not be judged yet, and who confirmed it.

-- Receipts: sealed against whoever can write the database.

-- Releases: the vendor's public keys, and what a scope may do.

-- Access: keys that expire, refused credentials, keys that were handed out.
