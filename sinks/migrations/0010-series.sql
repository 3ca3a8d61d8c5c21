-- What series there are, as their gateways describe them: one row a series and month in which readings of it were received
-- (`ts` is the month's start, UTC), the newest description of the month. `interval_ms`: expected cadence, 0 unknown.
CREATE TABLE IF NOT EXISTS series (
  ts TIMESTAMP,
  site SYMBOL,
  zone SYMBOL,
  gateway SYMBOL CAPACITY 4096,
  sensor SYMBOL CAPACITY 16384,
  metric SYMBOL,
  unit SYMBOL,
  interval_ms LONG,
  lat DOUBLE,
  lon DOUBLE
) TIMESTAMP(ts) PARTITION BY YEAR WAL
DEDUP UPSERT KEYS(ts, gateway, sensor, metric);
