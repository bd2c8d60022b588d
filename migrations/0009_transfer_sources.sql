-- Who reported a transfer.

-- found_by: the host of the RPC endpoint that reported it first; NULL for one from before.
ALTER TABLE chain_transfers ADD COLUMN found_by TEXT;
