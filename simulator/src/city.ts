/** The simulated gateways: names, places, sensors. A gateway is its index and the seed, whatever else the city holds. */
import type { Series } from '@millrace/wire/batch.ts';
import { type GatewayId, isGatewayId } from '@millrace/wire/names.ts';
import { chance, hash, type Seed } from './random.ts';
import { kinds, type Sensor } from './sensors.ts';
import { placeAlong, type Street, streets } from './streets.ts';

export const site = 'auckland';
export const maxGateways = 20_000;

export interface Post {
  readonly gateway: GatewayId;
  readonly index: number;
  /** What its own chances hang on. */
  readonly key: number;
  readonly street: Street;
  readonly lat: number;
  readonly lon: number;
  readonly sensors: readonly Sensor[];
  /** As they stand in its batches, in the order of `sensors`. */
  readonly series: readonly Series[];
}

/** Streets in turn, by weight, so that any number of gateways is spread over all zones. */
const turn: readonly Street[] = Array.from({ length: 5 }, (_, round) =>
  streets.filter(({ weight }) => weight > round),
).flat();

/** @param prefix begins each name, so that two simulators can send to one bridge. */
export function buildCity(gateways: number, seed: Seed, prefix: string): readonly Post[] {
  return Array.from({ length: gateways }, (_, index) => buildPost(index, seed, prefix));
}

function buildPost(index: number, seed: Seed, prefix: string): Post {
  const street = turn[index % turn.length]!;
  const key = hash(seed, index, 1);
  const number =
    1 +
    Math.floor(index / turn.length) * street.weight +
    turn.slice(0, index % turn.length).filter(one => one === street).length;
  // Golden-ratio steps: each new post stands in the widest gap between the earlier ones, roughly.
  const share = (number * 0.618034 + chance(seed, index, 2) * 0.04) % 1;
  const { lat, lon } = placeAlong(street, share, number % 2 === 0 ? 1 : -1);
  const gateway = `${prefix}${street.name}-${String(number).padStart(2, '0')}`;
  if (!isGatewayId(gateway)) throw new RangeError(`${gateway} is no name of a gateway`);
  const { sensors } =
    kinds[(street.harbour && number % 3 === 1 ? 4 : index + Math.floor(index / turn.length)) % kinds.length]!;
  const series = sensors.map(
    ({ sensor, metric, unit, intervalMs }): Series => ({
      sensor,
      metric,
      unit,
      intervalMs,
      lat,
      lon,
      zone: street.zone,
    }),
  );
  return { gateway, index, key, street, lat, lon, sensors, series };
}
