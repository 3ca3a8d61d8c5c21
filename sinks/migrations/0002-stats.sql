-- One row a window and series; `ts` is the window's start, and the newest revision replaces the others.
CREATE TABLE IF NOT EXISTS stats (
  ts TIMESTAMP,
  window SYMBOL,
  site SYMBOL,
  zone SYMBOL,
  gateway SYMBOL CAPACITY 4096,
  sensor SYMBOL CAPACITY 16384,
  metric SYMBOL,
  unit SYMBOL,
  count LONG,
  expected LONG,
  completeness DOUBLE,
  mean DOUBLE,
  min DOUBLE,
  max DOUBLE,
  stddev DOUBLE,
  p50 DOUBLE,
  p95 DOUBLE,
  p99 DOUBLE,
  first DOUBLE,
  last DOUBLE,
  revision LONG,
  final BOOLEAN
) TIMESTAMP(ts) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(ts, window, gateway, sensor, metric);
