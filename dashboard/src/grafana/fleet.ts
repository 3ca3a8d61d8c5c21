import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { board, choice, lines, stat, table, troubleStat } from './panels.ts';

const ofSite = 'site IN (${site:sqlstring})';
const newest = `(SELECT * FROM gateways WHERE ts > dateadd('d', -7, now()) LATEST ON ts PARTITION BY gateway)`;

export function fleet(): DashboardBuilder {
  return board('fleet', 'Fleet', 'Gateways: who is there, what waits in them, what is missing')
    .withVariable(choice('site', 'Site', 'SELECT DISTINCT site FROM gateways'))
    .withPanel(
      stat({
        title: 'Gateways',
        description: 'Heard in the last seven days.',
        width: 6,
        sql: `SELECT count() AS gateways FROM ${newest} WHERE ${ofSite}`,
      }),
    )
    .withPanel(
      troubleStat({
        title: 'Readings missing',
        description:
          'Taken by gateways in their present boot, neither counted nor given up: on their way, or lost. Ought to be 0 when no backlog waits.',
        width: 6,
        sql: `SELECT sum(missing) AS readings FROM ${newest} WHERE ${ofSite}`,
      }),
    )
    .withPanel(
      troubleStat({
        title: 'Readings given up',
        description: 'Dropped by gateways in their present boot, each with its reason.',
        width: 6,
        sql: `SELECT sum(dropped) AS readings FROM ${newest} WHERE ${ofSite}`,
      }),
    )
    .withPanel(
      troubleStat({
        title: 'Clocks not synchronised',
        description: 'Their readings are stored, and in no statistic until they are dated.',
        width: 6,
        sql: `SELECT count() AS gateways FROM ${newest} WHERE ${ofSite} AND clock = 'UNSYNCED'`,
      }),
    )
    .withPanel(
      table({
        title: 'Gateways',
        description: 'The newest status of each, those with trouble first.',
        width: 24,
        height: 14,
        sql: `SELECT gateway, site, state, datediff('s', ts, now()) AS "silent for (s)", outbox_readings AS "waiting", dropped, missing, clock, clock_offset_ms AS "clock off by (ms)", version
FROM ${newest} WHERE ${ofSite} ORDER BY missing DESC, ts LIMIT 2000`,
      }),
    )
    .withPanel(
      lines({
        title: 'Waiting in outboxes',
        description:
          'Readings on gateways’ disks that have not been acknowledged: the ten fullest at the newest report.',
        width: 12,
        sql: `SELECT g.ts AS time, g.gateway AS gateway, g.outbox_readings AS readings FROM gateways g
JOIN (SELECT gateway FROM ${newest} ORDER BY outbox_readings DESC LIMIT 10) top ON g.gateway = top.gateway
WHERE $__timeFilter(g.ts) AND g.${ofSite} ORDER BY g.ts`,
      }),
    )
    .withPanel(
      lines({
        title: 'Gateways that report',
        description: 'Different gateways with a status in each five minutes.',
        width: 12,
        sql: `SELECT timestamp_floor('5m', ts) AS time, count_distinct(gateway) AS gateways FROM gateways WHERE $__timeFilter(ts) AND ${ofSite} AND state = 'ONLINE' GROUP BY time ORDER BY time`,
      }),
    );
}
