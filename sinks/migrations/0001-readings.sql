-- One row a reading. The identity (gateway, boot, seq) is in the upsert keys, so that a resend replaces a row by itself.
CREATE TABLE IF NOT EXISTS readings (
  ts TIMESTAMP,
  site SYMBOL,
  zone SYMBOL,
  gateway SYMBOL CAPACITY 4096,
  sensor SYMBOL CAPACITY 16384,
  metric SYMBOL,
  unit SYMBOL,
  value DOUBLE,
  quality BYTE,
  clock SYMBOL,
  received TIMESTAMP,
  boot LONG,
  seq LONG
) TIMESTAMP(ts) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(ts, gateway, sensor, metric, boot, seq);
