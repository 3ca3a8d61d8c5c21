-- Who has seen an alert. `alert` is its id; one that is raised again has a new one.
CREATE TABLE IF NOT EXISTS acknowledgements (
  ts TIMESTAMP,
  alert VARCHAR,
  user SYMBOL,
  note VARCHAR
) TIMESTAMP(ts) PARTITION BY YEAR WAL
DEDUP UPSERT KEYS(ts, alert);
