-- A new key for a sold license. key_issued_at: the issue time of the current key, in unix
-- seconds; NULL while no key of the license was replaced, and the current key is then of
-- issued_at. Keys and tokens with an earlier issue time are revoked.
ALTER TABLE licenses ADD COLUMN key_issued_at INTEGER;
