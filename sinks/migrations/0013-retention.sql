-- How long rows are kept, by their own time, whole partitions at a time. Long, because what is deleted is gone: who has less
-- disk says so once (ALTER TABLE readings SET TTL 90 DAYS; ALTER MATERIALIZED VIEW readings_1m SET TTL 2 YEARS; 0 DAYS keeps for ever), and
-- no update takes that back. Kept for ever: readings_1h, readings_1d, series, acknowledgements.
ALTER TABLE readings SET TTL 5 YEARS;
ALTER TABLE stats SET TTL 5 YEARS;
ALTER TABLE zones SET TTL 5 YEARS;
ALTER TABLE gateways SET TTL 5 YEARS;
ALTER TABLE alerts SET TTL 10 YEARS;
ALTER MATERIALIZED VIEW readings_1m SET TTL 5 YEARS;
ALTER MATERIALIZED VIEW readings_15m SET TTL 10 YEARS;
