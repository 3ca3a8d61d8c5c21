-- One row a window, zone, metric and unit: units differ and are never mixed in one number, hence `unit` in the keys. The
-- newest revision replaces the others.
CREATE TABLE IF NOT EXISTS zones (
  ts TIMESTAMP,
  window SYMBOL,
  site SYMBOL,
  zone SYMBOL CAPACITY 4096,
  metric SYMBOL,
  unit SYMBOL,
  sensors LONG,
  sensors_expected LONG,
  count LONG,
  expected LONG,
  completeness DOUBLE,
  mean DOUBLE,
  mean_of_means DOUBLE,
  min DOUBLE,
  max DOUBLE,
  p50 DOUBLE,
  p95 DOUBLE,
  p99 DOUBLE,
  revision LONG,
  final BOOLEAN
) TIMESTAMP(ts) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(ts, window, site, zone, metric, unit);
