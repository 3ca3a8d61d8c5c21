import {
  FrameGeometrySourceBuilder,
  FrameGeometrySourceMode,
  MapLayerOptionsBuilder,
} from '@grafana/grafana-foundation-sdk/common';
import type { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as GeomapPanel } from '@grafana/grafana-foundation-sdk/geomap';
import { board, choice, completenessLines, completenessStat, lines, questdb, table, troubleStat } from './panels.ts';

/** The newest description of each series; `expected` an hour where the cadence is known. */
const described = `(SELECT site, zone, gateway, sensor, metric, unit, interval_ms, lat, lon FROM series LATEST ON ts PARTITION BY gateway, sensor, metric)`;
const sameSeries = 'r.gateway = s.gateway AND r.sensor = s.sensor AND r.metric = s.metric';

/** The last full hour up to two minutes ago. */
const lastHour = `r.ts >= dateadd('m', -62, date_trunc('minute', now())) AND r.ts < dateadd('m', -2, date_trunc('minute', now()))`;

const completeness = `
SELECT sum(got) / sum(wanted) AS completeness FROM (
  SELECT s.gateway, s.sensor, s.metric, least(sum(r.count), 3600000.0 / max(s.interval_ms)) AS got, 3600000.0 / max(s.interval_ms) AS wanted
  FROM ${described} s LEFT JOIN (SELECT gateway, sensor, metric, count FROM readings_1m r WHERE ${lastHour}) r ON ${sameSeries}
  WHERE s.site IN (\${site:sqlstring}) AND s.interval_ms > 0
  GROUP BY s.gateway, s.sensor, s.metric
)`;

export function city(): DashboardBuilder {
  return board('city', 'City', 'What the city measures now, and how complete it is')
    .withVariable(choice('site', 'Site', 'SELECT DISTINCT site FROM series'))
    .withVariable(choice('metric', 'Metric', 'SELECT DISTINCT metric FROM series', false))
    .withPanel(
      completenessStat({
        title: 'Completeness, last hour',
        description:
          'Good readings of the last full hour against those that the sensors’ cadence asks for; a silent sensor counts as missing.',
        width: 6,
        sql: completeness,
      }),
    )
    .withPanel(
      troubleStat({
        title: 'Gateways not online',
        description: 'Offline, or without a report for 2.5 minutes.',
        width: 6,
        sql: `SELECT count() AS gateways FROM (SELECT ts, gateway, state, site FROM gateways WHERE ts > dateadd('d', -2, now()) LATEST ON ts PARTITION BY gateway)
WHERE site IN (\${site:sqlstring}) AND (state <> 'ONLINE' OR ts < dateadd('s', -150, now()))`,
      }),
    )
    .withPanel(
      troubleStat({
        title: 'Alerts raised',
        description: 'Raised and not cleared, of the whole city.',
        width: 6,
        sql: `SELECT count() AS alerts FROM (SELECT state FROM alerts LATEST ON ts PARTITION BY gateway, sensor, metric, rule) WHERE state = 'RAISED'`,
      }),
    )
    .withPanel(
      troubleStat({
        title: 'Silent series',
        description: 'Nothing for three times their cadence, and for a minute at least.',
        width: 6,
        sql: `SELECT count() AS series FROM ${described} s
JOIN (SELECT gateway, sensor, metric, newest_ts FROM readings_1h WHERE ts > dateadd('d', -2, now()) LATEST ON ts PARTITION BY gateway, sensor, metric) r ON ${sameSeries}
WHERE s.site IN (\${site:sqlstring}) AND s.interval_ms > 0 AND datediff('s', r.newest_ts, now()) > 60 + 3 * s.interval_ms / 1000`,
      }),
    )
    .withPanel(map())
    .withPanel(
      table({
        title: 'Alerts raised',
        description: 'Newest first; who has seen them stands in the dashboard of Millrace.',
        width: 10,
        height: 14,
        sql: `SELECT ts AS "since", severity, gateway, sensor, metric, rule, value, message FROM (SELECT * FROM alerts LATEST ON ts PARTITION BY gateway, sensor, metric, rule)
WHERE state = 'RAISED' ORDER BY ts DESC LIMIT 200`,
      }),
    )
    .withPanel(
      lines({
        title: '${metric} by zone',
        description: 'Mean of the sensors’ means, each sensor alike, by the minute; only closed windows.',
        width: 12,
        sql: `SELECT ts AS time, zone, mean_of_means AS value FROM zones WHERE $__timeFilter(ts) AND "window" = '1m' AND final
AND site IN (\${site:sqlstring}) AND metric = '\${metric}' ORDER BY ts`,
      }),
    )
    .withPanel(
      completenessLines({
        title: 'Completeness of ${metric} by zone',
        description: 'Readings that came against those that were to come, by the minute.',
        width: 12,
        sql: `SELECT ts AS time, zone, least(completeness, 1.0) AS value FROM zones WHERE $__timeFilter(ts) AND "window" = '1m' AND final
AND site IN (\${site:sqlstring}) AND metric = '\${metric}' ORDER BY ts`,
      }),
    );
}

function map(): GeomapPanel {
  const newest = table({
    title: '${metric} now',
    description: 'The newest reading of each sensor that has a position, with its age in seconds.',
    width: 14,
    sql: `SELECT s.lat AS lat, s.lon AS lon, s.gateway AS gateway, s.sensor AS sensor, r.newest AS value, s.unit AS unit, datediff('s', r.newest_ts, now()) AS age_s
FROM ${described} s
JOIN (SELECT gateway, sensor, metric, newest, newest_ts FROM readings_1h WHERE ts > dateadd('d', -2, now()) LATEST ON ts PARTITION BY gateway, sensor, metric) r ON ${sameSeries}
WHERE s.site IN (\${site:sqlstring}) AND s.metric = '\${metric}' AND s.lat IS NOT NULL`,
  }).build();
  return new GeomapPanel()
    .title(newest.title!)
    .description(newest.description!)
    .datasource(questdb)
    .span(14)
    .height(14)
    .withTarget({ build: () => newest.targets![0]! })
    .layers([
      new MapLayerOptionsBuilder()
        .type('markers')
        .name('sensors')
        .location(
          new FrameGeometrySourceBuilder().mode(FrameGeometrySourceMode.Coords).latitude('lat').longitude('lon'),
        ),
    ]);
}
