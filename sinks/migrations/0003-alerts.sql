-- One row a change of state; raised and cleared at the same instant are two changes, hence `state` in the keys.
CREATE TABLE IF NOT EXISTS alerts (
  ts TIMESTAMP,
  gateway SYMBOL CAPACITY 4096,
  sensor SYMBOL CAPACITY 16384,
  metric SYMBOL,
  rule SYMBOL,
  severity SYMBOL,
  state SYMBOL,
  value DOUBLE,
  message VARCHAR
) TIMESTAMP(ts) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(ts, gateway, sensor, metric, rule, state);
