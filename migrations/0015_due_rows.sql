-- No tick of a cron function reads a table that grows from end to end.

-- Requests for mail that no tick has looked at.
CREATE INDEX mail_requests_unplanned ON mail_requests (at, id) WHERE planned_at IS NULL;

-- Rate limits that are full again.
CREATE INDEX rate_limits_by_end ON rate_limits (full_at);

-- Orders that no longer count for the caps, and those of the last hour.
CREATE INDEX recent_orders_by_time ON recent_orders (kind, ordered_at);

-- Uses of discount codes that orders hold, the oldest first.
CREATE INDEX redemptions_by_reservation ON redemptions (reserved_at, id) WHERE state = 'reserved';
