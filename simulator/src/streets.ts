/**
 * Where the lamp posts of the simulated city stand: along streets of central Auckland, each drawn as a line through a few
 * points read off a map. Good enough to look at; no inventory of real lamp posts, and not to be measured with.
 */
export interface Street {
  /** Begins the names of its gateways. */
  readonly name: string;
  readonly zone: string;
  /** Posts along it, in proportion. */
  readonly weight: number;
  /** Vehicles a minute at the busiest time, both directions. */
  readonly vehicles: number;
  readonly line: readonly (readonly [lat: number, lon: number])[];
  /** By the harbour: tide gauges make sense. */
  readonly harbour?: true;
}

export const streets: readonly Street[] = [
  {
    name: 'queen-st',
    zone: 'cbd',
    weight: 5,
    vehicles: 9,
    line: [
      [-36.8437, 174.7667],
      [-36.8487, 174.7653],
      [-36.8525, 174.7638],
      [-36.8575, 174.7603],
    ],
  },
  {
    name: 'quay-st',
    zone: 'waterfront',
    weight: 4,
    vehicles: 22,
    harbour: true,
    line: [
      [-36.8427, 174.7637],
      [-36.8431, 174.7672],
      [-36.8452, 174.7741],
      [-36.8472, 174.7801],
    ],
  },
  {
    name: 'jellicoe-st',
    zone: 'waterfront',
    weight: 2,
    vehicles: 5,
    harbour: true,
    line: [
      [-36.8407, 174.7552],
      [-36.8411, 174.7596],
    ],
  },
  {
    name: 'karangahape-rd',
    zone: 'karangahape',
    weight: 3,
    vehicles: 15,
    line: [
      [-36.8576, 174.7556],
      [-36.8579, 174.7598],
      [-36.8585, 174.7633],
    ],
  },
  {
    name: 'symonds-st',
    zone: 'grafton',
    weight: 3,
    vehicles: 20,
    line: [
      [-36.8508, 174.7712],
      [-36.8554, 174.7669],
      [-36.8612, 174.7637],
    ],
  },
  {
    name: 'park-rd',
    zone: 'grafton',
    weight: 2,
    vehicles: 16,
    line: [
      [-36.8583, 174.7668],
      [-36.8607, 174.7697],
      [-36.8637, 174.7709],
    ],
  },
  {
    name: 'ponsonby-rd',
    zone: 'ponsonby',
    weight: 4,
    vehicles: 18,
    line: [
      [-36.8468, 174.7434],
      [-36.8538, 174.7459],
      [-36.8604, 174.7516],
    ],
  },
  {
    name: 'great-north-rd',
    zone: 'grey-lynn',
    weight: 3,
    vehicles: 24,
    line: [
      [-36.8607, 174.752],
      [-36.8637, 174.7449],
      [-36.8655, 174.737],
    ],
  },
  {
    name: 'parnell-rd',
    zone: 'parnell',
    weight: 3,
    vehicles: 14,
    line: [
      [-36.8513, 174.7807],
      [-36.8556, 174.7818],
      [-36.8607, 174.7797],
    ],
  },
  {
    name: 'broadway',
    zone: 'newmarket',
    weight: 4,
    vehicles: 21,
    line: [
      [-36.8662, 174.7762],
      [-36.8698, 174.7775],
      [-36.8738, 174.7776],
    ],
  },
  {
    name: 'khyber-pass-rd',
    zone: 'newmarket',
    weight: 2,
    vehicles: 23,
    line: [
      [-36.8627, 174.7655],
      [-36.8662, 174.7757],
    ],
  },
  {
    name: 'tamaki-dr',
    zone: 'orakei',
    weight: 2,
    vehicles: 17,
    harbour: true,
    line: [
      [-36.8474, 174.7846],
      [-36.8489, 174.7954],
      [-36.8513, 174.8096],
    ],
  },
];

const metresPerDegree = 111_320;
const kerbMetres = 8;

/** A place along the street, `share` from 0 to 1 of its length, on one side or the other. */
export function placeAlong({ line }: Street, share: number, side: 1 | -1): { lat: number; lon: number } {
  const eastPerLon = Math.cos((line[0]![0] * Math.PI) / 180);
  const legs = line.slice(1).map((to, i) => {
    const from = line[i]!;
    return { from, to, length: Math.hypot(to[0] - from[0], (to[1] - from[1]) * eastPerLon) };
  });
  let left = share * legs.reduce((sum, { length }) => sum + length, 0);
  const leg = legs.find(({ length }) => (left <= length ? true : ((left -= length), false))) ?? legs.at(-1)!;
  const part = Math.min(1, left / leg.length);
  const [north, east] = [leg.to[0] - leg.from[0], (leg.to[1] - leg.from[1]) * eastPerLon];
  const aside = (side * kerbMetres) / metresPerDegree / leg.length;
  return {
    lat: degrees(leg.from[0] + part * north - aside * east),
    lon: degrees(leg.from[1] + (part * east + aside * north) / eastPerLon),
  };
}

/** A tenth of a metre is more than a drawing on a map knows. */
const degrees = (value: number): number => Math.round(value * 1e6) / 1e6;
