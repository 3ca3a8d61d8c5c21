/**
 * The sky over the city, as a function of seed, time and place: fronts that come from the west, sun by season and hour,
 * rain when it is cloudy enough, and the temperature, humidity and wind that go with them. Means are near Auckland's.
 */
import { type Seed, smooth } from './random.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const latitude = (-36.85 * Math.PI) / 180;
const longitude = 174.76;
/** Fronts cross the city from the west at about 25 km/h: later by so much for each degree east. */
const frontMsPerDegree = 3.56 * hourMs;

export interface Weather {
  /** Above the horizon, degrees; negative: below it. */
  readonly sunDegrees: number;
  /** 0 clear … 1 overcast. */
  readonly cloud: number;
  /** mm/h. */
  readonly rain: number;
  /** °C. */
  readonly temperature: number;
  /** %. */
  readonly humidity: number;
  /** m/s. */
  readonly wind: number;
}

/** One number for each thing that chance decides. */
const draw = { front: 1, cloud: 2, shower: 3, burst: 4, air: 5, wind: 6, gust: 7 } as const;

export function weatherAt(seed: Seed, ms: number, lon: number): Weather {
  const sunDegrees = sunAt(ms);
  const frontMs = ms - (lon - longitude) * frontMsPerDegree;
  const front =
    0.65 * smooth(seed, draw.front, frontMs / (38 * hourMs)) + 0.35 * smooth(seed, draw.cloud, frontMs / (7 * hourMs));
  const cloud = clamp(0.5 + 1.1 * front, 0, 1);
  const wind = clamp(
    4.5 +
      3.5 * smooth(seed, draw.wind, ms / (17 * hourMs)) +
      2.5 * front +
      smooth(seed, draw.gust, ms / (0.1 * hourMs)),
    0.2,
    25,
  );
  const rain = rainAt(seed, frontMs, cloud);
  // Warmest in late January and, of a day, about three hours after the sun stood highest.
  const year = (ms % (365.2425 * dayMs)) / (365.2425 * dayMs);
  const season = 15.6 + 4.6 * Math.cos(2 * Math.PI * (year - 0.075));
  const solarHour = (((ms + (longitude / 360) * dayMs) % dayMs) / hourMs + 24) % 24;
  const daily = (4.2 - 2.6 * cloud) * Math.cos((2 * Math.PI * (solarHour - 15)) / 24);
  const air = 2.4 * smooth(seed, draw.air, frontMs / (50 * hourMs));
  const temperature = season + daily + air - 1.2 * Math.min(1, rain / 3);
  const humidity = clamp(
    76 - 4.2 * (temperature - season) + 14 * (cloud - 0.5) + 10 * Math.min(1, rain / 1.5),
    30,
    100,
  );
  return { sunDegrees, cloud, rain, temperature, humidity, wind };
}

/** Of the rain alone, for what remembers it: a stream, a drain. */
export function rainOver(seed: Seed, ms: number, lon: number): number {
  return weatherAt(seed, ms, lon).rain;
}

function rainAt(seed: Seed, frontMs: number, cloud: number): number {
  const shower = smooth(seed, draw.shower, frontMs / (0.8 * hourMs));
  const wet = cloud - 1.03 + 0.3 * shower;
  if (wet <= 0) return 0;
  const burst = 1 + Math.max(0, smooth(seed, draw.burst, frontMs / (0.3 * hourMs))) ** 3 * 4;
  return 26 * wet ** 1.4 * burst;
}

/** Height of the sun: declination and equation of time after Spencer (1971), good to half a degree. */
function sunAt(ms: number): number {
  const angle = (2 * Math.PI * (ms % (365.2425 * dayMs))) / (365.2425 * dayMs);
  const declination =
    0.006918 -
    0.399912 * Math.cos(angle) +
    0.070257 * Math.sin(angle) -
    0.006758 * Math.cos(2 * angle) +
    0.000907 * Math.sin(2 * angle);
  const equationMinutes =
    229.18 *
    (0.000075 +
      0.001868 * Math.cos(angle) -
      0.032077 * Math.sin(angle) -
      0.014615 * Math.cos(2 * angle) -
      0.040849 * Math.sin(2 * angle));
  const solarMs = (ms % dayMs) + (longitude / 360) * dayMs + equationMinutes * 60_000;
  const hourAngle = (2 * Math.PI * solarMs) / dayMs - Math.PI;
  const height =
    Math.sin(latitude) * Math.sin(declination) + Math.cos(latitude) * Math.cos(declination) * Math.cos(hourAngle);
  return (Math.asin(height) * 180) / Math.PI;
}

/** Light on the ground under that sky, lx: from 0.1 of a moonless city night to about 100,000. */
export function daylight({ sunDegrees, cloud }: Weather): number {
  const clear =
    sunDegrees > 0 ? 400 + 118_000 * Math.sin((sunDegrees * Math.PI) / 180) ** 1.15 : 400 * 10 ** (sunDegrees / 3.2);
  return clear * (1 - 0.78 * cloud ** 1.5);
}

/** The harbour's water above chart datum, m: the moon's and the sun's half-day tides, and what wind pushes in. */
export function tide(ms: number, wind: number): number {
  const hours = ms / hourMs;
  return (
    1.9 +
    1.16 * Math.cos((2 * Math.PI * (hours - 1.2)) / 12.4206012) +
    0.19 * Math.cos((2 * Math.PI * (hours - 2.6)) / 12) +
    0.22 * Math.cos((2 * Math.PI * (hours - 5.1)) / 12.65834751) +
    0.006 * wind
  );
}

export const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value));
