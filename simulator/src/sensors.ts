/** What the sensors of a gateway would read: each from the same weather, traffic and hour, so that they agree with one another. */
import type { LocalTime } from './local-time.ts';
import { chance, normal, type Seed, smooth } from './random.ts';
import { hearths, parking, traffic } from './rhythm.ts';
import type { Street } from './streets.ts';
import { clamp, daylight, rainOver, tide, type Weather } from './weather.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

/** Where and when a reading is taken. */
export interface Scene {
  readonly seed: Seed;
  /** Of the gateway, for what is its own. */
  readonly key: number;
  readonly ms: number;
  readonly lon: number;
  readonly street: Street;
  readonly time: LocalTime;
  readonly weather: Weather;
}

export interface Sensor {
  readonly sensor: string;
  readonly metric: string;
  /** UCUM. */
  readonly unit: string;
  readonly intervalMs: number;
  /** Digits after the point that it gives. */
  readonly decimals: number;
  /** What it cannot go below or above. */
  readonly range: readonly [number, number];
  /** A large difference: what a drift reaches in an hour, and half of a spike. */
  readonly span: number;
  /** The deviation of its own noise. */
  readonly noise: number;
  value(scene: Scene): number;
}

/** A slow wandering of one place against the others. */
const local = ({ seed, key, ms }: Scene, what: number, hours: number): number =>
  smooth(seed, key * 64 + what, ms / (hours * hourMs));

function vehicles(scene: Scene): number {
  const { street, time, weather } = scene;
  const share =
    traffic(time) * (0.75 + 0.5 * chance(scene.seed, scene.key, 11)) * (1 - 0.12 * Math.min(1, weather.rain / 4));
  return street.vehicles * share * (1 + 0.25 * local(scene, 12, 0.2));
}

/** A lorry that idles below the post, a barbecue, a burnt-out bin: a quarter of an hour, about one in fifteen hours a post. */
function plume({ seed, key, ms }: Scene): number {
  const cellMs = 3 * hourMs;
  const cell = Math.floor(ms / cellMs);
  if (chance(seed, key, cell, 21) > 0.2) return 0;
  const begin = cell * cellMs + chance(seed, key, cell, 22) * 2.5 * hourMs;
  const part = (ms - begin) / ((12 + 14 * chance(seed, key, cell, 23)) * minuteMs);
  return part > 0 && part < 1 ? (50 + 60 * chance(seed, key, cell, 24)) * Math.sin(Math.PI * part) : 0;
}

/** Lamps burn from dusk to dawn, dimmed from eleven to five. */
function lampShare({ weather, time, seed, key }: Scene): number {
  const dusk = -0.5 + 1.5 * chance(seed, key, 31);
  if (weather.sunDegrees - 2 * weather.cloud > dusk) return 0;
  return time.hour >= 23 || time.hour < 5 ? 0.5 : 1;
}

/** What ran off in the last four hours, mm: newer rain counts more. */
function runOff({ seed, ms, lon }: Scene): number {
  const stepMs = 20 * minuteMs;
  let sum = 0;
  for (let i = 0; i < 12; i++) sum += rainOver(seed, ms - i * stepMs, lon) * Math.exp(-i / 5);
  return sum / 3;
}

const wind = ({ weather }: Scene): number => 3 / (1.5 + weather.wind);

const temperature: Sensor = {
  sensor: 'air',
  metric: 'temperature',
  unit: 'Cel',
  intervalMs: minuteMs,
  decimals: 1,
  range: [-10, 60],
  span: 8,
  noise: 0.08,
  // A housing in the sun, between walls, is a little warmer.
  value: scene =>
    scene.weather.temperature +
    0.6 * local(scene, 1, 6) +
    1.3 * (daylight(scene.weather) / 100_000) * chance(scene.seed, scene.key, 2),
};

const humidity: Sensor = {
  sensor: 'air',
  metric: 'humidity',
  unit: '%',
  intervalMs: minuteMs,
  decimals: 1,
  range: [5, 100],
  span: 20,
  noise: 0.4,
  value: scene => scene.weather.humidity - 2.5 * local(scene, 1, 6),
};

const pm25: Sensor = {
  sensor: 'air',
  metric: 'pm2_5',
  unit: 'ug/m3',
  intervalMs: minuteMs,
  decimals: 1,
  range: [0, 1000],
  span: 60,
  noise: 0.6,
  value: scene =>
    (2.4 + 0.32 * vehicles(scene) + 1.7 * hearths(scene.time, scene.weather.temperature)) *
      wind(scene) *
      (1 + 0.3 * local(scene, 3, 1)) *
      (1 - 0.5 * Math.min(1, scene.weather.rain / 2)) +
    plume(scene),
};

const no2: Sensor = {
  sensor: 'air',
  metric: 'no2',
  unit: 'ug/m3',
  intervalMs: minuteMs,
  decimals: 1,
  range: [0, 1000],
  span: 60,
  noise: 0.9,
  value: scene => (4 + 2.1 * vehicles(scene)) * wind(scene) * (1 + 0.2 * local(scene, 4, 1)) + 0.2 * plume(scene),
};

const noise: Sensor = {
  sensor: 'sound',
  metric: 'noise',
  unit: 'dB[SPL]',
  intervalMs: minuteMs / 2,
  decimals: 1,
  range: [25, 130],
  span: 25,
  noise: 1.4,
  value: scene =>
    10 *
    Math.log10(
      10 ** 4.1 +
        10 ** 5.25 * vehicles(scene) +
        10 ** 4.6 * Math.min(8, scene.weather.rain) +
        10 ** 3.3 * scene.weather.wind ** 2,
    ),
};

const vehicleCount: Sensor = {
  sensor: 'road',
  metric: 'vehicles',
  unit: '{vehicles}/min',
  intervalMs: minuteMs,
  decimals: 0,
  range: [0, 200],
  span: 60,
  noise: 0,
  value(scene) {
    const mean = vehicles(scene);
    return mean + Math.sqrt(mean) * normal(scene.seed, scene.key, scene.ms, 41);
  },
};

const occupancy: Sensor = {
  sensor: 'parking',
  metric: 'occupancy',
  unit: '%',
  intervalMs: minuteMs,
  decimals: 0,
  range: [0, 100],
  span: 50,
  noise: 0,
  value: scene =>
    100 *
    clamp(parking(scene.time) * (0.85 + 0.3 * chance(scene.seed, scene.key, 51)) + 0.08 * local(scene, 5, 0.4), 0, 1),
};

const illuminance: Sensor = {
  sensor: 'light',
  metric: 'illuminance',
  unit: 'lx',
  intervalMs: minuteMs,
  decimals: 1,
  range: [0, 150_000],
  span: 2000,
  noise: 0.3,
  value: scene =>
    daylight(scene.weather) * (0.82 + 0.12 * local(scene, 6, 0.3)) +
    16 * lampShare(scene) * (0.8 + 0.4 * chance(scene.seed, scene.key, 61)),
};

const lampPower: Sensor = {
  sensor: 'lamp',
  metric: 'power',
  unit: 'W',
  intervalMs: minuteMs,
  decimals: 1,
  range: [0, 400],
  span: 60,
  noise: 0.25,
  value: scene => 0.8 + lampShare(scene) * (62 + 18 * chance(scene.seed, scene.key, 71)),
};

const rain: Sensor = {
  sensor: 'rain',
  metric: 'rain',
  unit: 'mm/h',
  intervalMs: minuteMs,
  decimals: 1,
  range: [0, 200],
  span: 40,
  noise: 0,
  value: scene => scene.weather.rain * (1 + 0.25 * local(scene, 7, 0.2)),
};

const waterLevel: Sensor = {
  sensor: 'water',
  metric: 'level',
  unit: 'm',
  intervalMs: minuteMs,
  decimals: 3,
  range: [0, 8],
  span: 1.5,
  noise: 0.008,
  value: scene =>
    scene.street.harbour
      ? tide(scene.ms, scene.weather.wind)
      : 0.22 + 0.02 * local(scene, 8, 9) + 0.085 * runOff(scene) ** 0.8,
};

/** Lamp circuits carry current by night only: batteries are charged then, and used by day. */
const battery: Sensor = {
  sensor: 'battery',
  metric: 'voltage',
  unit: 'V',
  intervalMs: 5 * minuteMs,
  decimals: 2,
  range: [9, 15],
  span: 1.2,
  noise: 0.01,
  value(scene) {
    const { time, seed, key, weather } = scene;
    const wornBy = 0.3 * chance(seed, key, 81) ** 3;
    const sinceDawn = (time.hour + 18) % 24; // hours since six
    const charged = lampShare(scene) > 0 ? 13.5 : 13.1 - (0.055 + wornBy / 5) * Math.min(12, sinceDawn);
    return charged - wornBy + 0.004 * (weather.temperature - 15);
  },
};

/** What posts of one kind carry. */
export const kinds = [
  { kind: 'air', sensors: [pm25, no2, temperature, humidity, noise, battery] },
  { kind: 'road', sensors: [vehicleCount, noise, illuminance, lampPower, temperature] },
  { kind: 'lamp', sensors: [illuminance, lampPower, noise, temperature] },
  { kind: 'parking', sensors: [occupancy, vehicleCount, temperature, battery] },
  { kind: 'water', sensors: [waterLevel, rain, temperature, humidity, battery] },
  { kind: 'air', sensors: [pm25, temperature, humidity, noise, illuminance, lampPower] },
] as const;
