-- Items of the attention list become events. announced_at: when the event of its opening
-- was written, in unix seconds; NULL again after the event of its end. What is open when
-- this comes is no news.
ALTER TABLE attention ADD COLUMN announced_at INTEGER;

UPDATE attention SET announced_at = at WHERE resolved_at IS NULL;

CREATE INDEX attention_unannounced ON attention (at, id)
  WHERE (resolved_at IS NULL) = (announced_at IS NULL);

-- The next deliveries of an endpoint, in the order of their events.
CREATE INDEX webhook_deliveries_next
  ON webhook_deliveries (endpoint_id, coalesce(sequence, 0), id)
  WHERE state = 'pending' AND claimed_until IS NULL;
