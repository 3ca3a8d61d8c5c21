-- One row a status message: birth, pulse, will. `ts` is when the bridge received it: the gateway's clock may be wrong.
CREATE TABLE IF NOT EXISTS gateways (
  ts TIMESTAMP,
  gateway SYMBOL CAPACITY 4096,
  site SYMBOL,
  state SYMBOL,
  version SYMBOL,
  boot LONG,
  last_seq LONG,
  outbox_readings LONG,
  outbox_bytes LONG,
  dropped LONG,
  clock SYMBOL,
  clock_offset_ms LONG,
  lat DOUBLE,
  lon DOUBLE
) TIMESTAMP(ts) PARTITION BY DAY WAL
DEDUP UPSERT KEYS(ts, gateway);
