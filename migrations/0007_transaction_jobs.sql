-- Reading one transaction again for the operator.

-- tx_hash: the transaction that a job of the kind block is about; NULL for a whole block.
ALTER TABLE chain_jobs ADD COLUMN tx_hash TEXT;
