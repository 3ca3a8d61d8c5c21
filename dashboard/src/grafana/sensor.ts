import { CustomVariableBuilder, type DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, choice, completenessLines, completenessStat, lines, stat, table } from './panels.ts';

const own = `gateway = '\${gateway}' AND sensor = '\${sensor}' AND metric = '\${metric}'`;

/** One series, by steps that the reader chooses. */
export function sensor(): DashboardBuilder {
  return board('sensor', 'Sensor', 'One sensor: values, bands, and what is missing')
    .withVariable(choice('gateway', 'Gateway', 'SELECT DISTINCT gateway FROM series', false))
    .withVariable(choice('sensor', 'Sensor', `SELECT DISTINCT sensor FROM series WHERE gateway = '\${gateway}'`, false))
    .withVariable(
      choice(
        'metric',
        'Metric',
        `SELECT DISTINCT metric FROM series WHERE gateway = '\${gateway}' AND sensor = '\${sensor}'`,
        false,
      ),
    )
    .withVariable(new CustomVariableBuilder('step').label('Step').values('1m,15m,1h,1d'))
    .withPanel(
      stat({
        title: 'Newest reading',
        description: 'The reading itself, no mean.',
        width: 6,
        sql: `SELECT newest AS value FROM readings_1h WHERE ${own} ORDER BY ts DESC LIMIT 1`,
      }),
    )
    .withPanel(
      stat({
        title: 'Its age',
        description: 'Since the newest reading.',
        width: 6,
        unit: 's',
        sql: `SELECT datediff('s', newest_ts, now()) AS age FROM readings_1h WHERE ${own} ORDER BY ts DESC LIMIT 1`,
      }),
    )
    .withPanel(
      completenessStat({
        title: 'Completeness, time shown',
        description: 'Good readings against those that the cadence asks for in the time shown.',
        width: 6,
        sql: `SELECT least(1.0, sum(r.count) * max(s.interval_ms) * 1000.0 / (cast($__timeTo() AS TIMESTAMP) - cast($__timeFrom() AS TIMESTAMP))) AS completeness
FROM readings_1m r JOIN (SELECT gateway, interval_ms FROM series WHERE ${own} AND interval_ms > 0 ORDER BY ts DESC LIMIT 1) s ON r.gateway = s.gateway
WHERE $__timeFilter(r.ts) AND r.sensor = '\${sensor}' AND r.metric = '\${metric}'`,
      }),
    )
    .withPanel(
      stat({
        title: 'Left out',
        description:
          'Readings in the time shown that are marked bad, or whose time is not to be trusted: stored, and in no mean.',
        width: 6,
        sql: `SELECT sum(excluded) AS readings FROM readings_1m WHERE ${own} AND $__timeFilter(ts)`,
      }),
    )
    .withPanel(
      lines({
        title: 'Mean, lowest and highest by ${step}',
        description: 'Of good readings; gaps are not joined.',
        width: 24,
        height: 10,
        sql: `SELECT ts AS time, sum(sum) / sum(count) AS mean, min(min) AS lowest, max(max) AS highest FROM readings_\${step}
WHERE ${own} AND $__timeFilter(ts) AND count > 0 GROUP BY ts ORDER BY ts`,
      }),
    )
    .withPanel(
      lines({
        title: 'Quantiles of the rolling hour',
        description: 'Median, 95th and 99th percentile within 1 %, each five minutes, at the end of their hour.',
        width: 12,
        sql: `SELECT dateadd('h', 1, ts) AS time, p50, p95, p99 FROM stats WHERE "window" = '1h/5m' AND ${own} AND $__timeFilter(ts) ORDER BY ts`,
      }),
    )
    .withPanel(
      completenessLines({
        title: 'Completeness by the hour',
        description: 'Good readings of each hour against the cadence; an hour that has not ended looks incomplete.',
        width: 12,
        sql: `SELECT r.ts AS time, least(1.0, r.count * s.interval_ms / 3600000.0) AS completeness
FROM readings_1h r JOIN (SELECT gateway, interval_ms FROM series WHERE ${own} AND interval_ms > 0 ORDER BY ts DESC LIMIT 1) s ON r.gateway = s.gateway
WHERE r.sensor = '\${sensor}' AND r.metric = '\${metric}' AND $__timeFilter(r.ts) ORDER BY r.ts`,
      }),
    )
    .withPanel(
      table({
        title: 'Silences longer than three minutes',
        description: 'Between the last reading before and the first after.',
        width: 24,
        sql: `SELECT before AS "from", first AS "to", datediff('s', before, first) AS seconds FROM (
  SELECT oldest_ts AS first, lag(newest_ts) OVER (ORDER BY ts) AS before FROM readings_1m WHERE ${own} AND $__timeFilter(ts)
) WHERE datediff('s', before, first) > 180 ORDER BY first DESC LIMIT 500`,
      }),
    );
}
