-- Readings by bucket and series; each view is made from the finer one, so that a late reading costs its minute and a few
-- rows above it. `count`, `min`, `max`, `sum`, `last` are of good readings, as in the windows of `stats`: not marked bad, of a
-- synchronised or corrected clock, dated at most 10 minutes ahead of their arrival; `excluded` counts the others. `newest`
-- and `newest_quality` are of the newest reading of all, at `newest_ts`.
CREATE MATERIALIZED VIEW IF NOT EXISTS readings_1m WITH BASE readings REFRESH IMMEDIATE AS (
  SELECT ts, site, zone, gateway, sensor, metric, unit,
    count(good) count, count() - count(good) excluded, min(good) min, max(good) max, sum(good) sum, last_not_null(good) last,
    last(value) newest, last(quality) newest_quality, first(ts) oldest_ts, last(ts) newest_ts
  FROM (
    SELECT ts, site, zone, gateway, sensor, metric, unit, value, quality,
      CASE WHEN quality = 2 OR clock = 'UNSYNCED' OR ts > received + 600000000L THEN null ELSE value END good
    FROM readings
  )
  SAMPLE BY 1m
) PARTITION BY DAY;
CREATE MATERIALIZED VIEW IF NOT EXISTS readings_15m WITH BASE readings_1m REFRESH IMMEDIATE AS (
  SELECT ts, site, zone, gateway, sensor, metric, unit,
    sum(count) count, sum(excluded) excluded, min(min) min, max(max) max, sum(sum) sum, last_not_null(last) last,
    last(newest) newest, last(newest_quality) newest_quality, first(oldest_ts) oldest_ts, last(newest_ts) newest_ts
  FROM readings_1m
  SAMPLE BY 15m
) PARTITION BY MONTH;
CREATE MATERIALIZED VIEW IF NOT EXISTS readings_1h WITH BASE readings_15m REFRESH IMMEDIATE AS (
  SELECT ts, site, zone, gateway, sensor, metric, unit,
    sum(count) count, sum(excluded) excluded, min(min) min, max(max) max, sum(sum) sum, last_not_null(last) last,
    last(newest) newest, last(newest_quality) newest_quality, first(oldest_ts) oldest_ts, last(newest_ts) newest_ts
  FROM readings_15m
  SAMPLE BY 1h
) PARTITION BY MONTH;
CREATE MATERIALIZED VIEW IF NOT EXISTS readings_1d WITH BASE readings_1h REFRESH IMMEDIATE AS (
  SELECT ts, site, zone, gateway, sensor, metric, unit,
    sum(count) count, sum(excluded) excluded, min(min) min, max(max) max, sum(sum) sum, last_not_null(last) last,
    last(newest) newest, last(newest_quality) newest_quality, first(oldest_ts) oldest_ts, last(newest_ts) newest_ts
  FROM readings_1h
  SAMPLE BY 1d
) PARTITION BY YEAR;
