-- One row a table, written again and again: whether QuestDB takes rows at all, asked before a row is called poison.
CREATE TABLE IF NOT EXISTS sink_probe (
  ts TIMESTAMP,
  sink SYMBOL
) TIMESTAMP(ts) PARTITION BY YEAR WAL
DEDUP UPSERT KEYS(ts, sink);
