/** A small city in the real database: gateways with positions, a zone, history with a hole, an alert. */
import { insert, type QuestdbAddresses } from '../test/running.ts';

export interface TestCity {
  /** Stands in all its names, so that no other test's rows are meant. */
  readonly name: string;
  readonly zone: string;
  readonly now: number;
  readonly cadenceMs: number;
  /** The hole in the history of the first gateway. */
  readonly hole: { readonly from: number; readonly to: number };
}

const [minuteMs, hourMs] = [60_000, 3_600_000];
export const gatewayOf = ({ name }: TestCity, index: number): string => `${name}-${index}`;

export function cityLine(city: TestCity, gateway: string, value: number, at: number): string {
  const symbols = `site=${city.name},zone=${city.zone},gateway=${gateway},sensor=weather,metric=temperature,unit=Cel,clock=SYNCED`;
  return `readings,${symbols} value=${value},quality=0i,received=${at * 1000}t,boot=1i,seq=${at}i ${at * 1000}`;
}

export function alertLine(city: TestCity, id: string, state: 'RAISED' | 'CLEARED', at: number): string {
  const symbols = `gateway=${gatewayOf(city, 0)},sensor=weather,metric=temperature,rule=heat-${id},severity=CRITICAL,state=${state}`;
  return `alerts,${symbols} value=31.5,message="Too hot ${id}",id="${id}" ${at * 1000}`;
}

/** Three gateways, two hours at a reading each five seconds up to now. */
export async function insertCity(questdb: QuestdbAddresses, name: string): Promise<TestCity> {
  const now = Date.now();
  const cadenceMs = 5_000;
  const hole = { from: now - 50 * minuteMs, to: now - 30 * minuteMs };
  const city: TestCity = { name, zone: `${name}-zone`, now, cadenceMs, hole };
  const month = Date.UTC(new Date(now).getUTCFullYear(), new Date(now).getUTCMonth());
  const gateways = [0, 1, 2].map(index => gatewayOf(city, index));
  await insert(
    questdb,
    ...gateways.flatMap((gateway, index) => [
      `series,site=${name},zone=${city.zone},gateway=${gateway},sensor=weather,metric=temperature,unit=Cel interval_ms=${cadenceMs}i,lat=${-36.84 - index / 200},lon=${174.76 + index / 200} ${month * 1000}`,
      `gateways,gateway=${gateway},site=${name},state=online,version=0.1.0,clock=SYNCED outbox_readings=${index}i,outbox_bytes=120i,dropped=0i,missing=${index === 1 ? 7 : 0}i,ledger_at=${now * 1000}t,clock_offset_ms=3i,lat=${-36.84 - index / 200},lon=${174.76 + index / 200} ${now * 1000}`,
    ]),
    ...gateways.flatMap((gateway, index) =>
      Array.from({ length: (2 * hourMs) / cadenceMs }, (_, i) => now - (i + 1) * cadenceMs)
        .filter(at => index !== 0 || at < hole.from || at > hole.to)
        .map(at => cityLine(city, gateway, 15 + index + Math.sin(at / 600_000), at)),
    ),
    // Quantiles go on through the hole, as those of a rolling window do.
    ...Array.from({ length: 120 }, (_, i) => Math.floor(now / minuteMs - i - 1) * minuteMs).map(
      at =>
        `stats,window=1m,site=${name},zone=${city.zone},gateway=${gatewayOf(city, 0)},sensor=weather,metric=temperature,unit=Cel count=6i,expected=6i,completeness=1,p50=15,p95=16,p99=16.5,final=t ${at * 1000}`,
    ),
    `zones,window=1m,site=${name},zone=${city.zone},metric=temperature,unit=Cel sensors=3i,sensors_expected=3i,count=18i,expected=18i,completeness=1,mean_of_means=16.5,min=14,max=18,final=t ${(Math.floor(now / minuteMs) - 1) * minuteMs * 1000}`,
    alertLine(city, `${name}-standing`, 'RAISED', now - 5 * minuteMs),
    alertLine(city, `${name}-past`, 'RAISED', now - 90 * minuteMs),
    alertLine(city, `${name}-past`, 'CLEARED', now - 60 * minuteMs),
  );
  return city;
}
