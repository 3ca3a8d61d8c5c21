/** What `w1_slave` says (kernel documentation, "w1/slaves/w1_therm"), and which of it is no temperature. */
import type { ReadFault } from '../bounded-read.ts';

/** The range of the family; nothing that these chips measure is beyond. */
const lowest = -55;
const highest = 125;
/** The register's value after power-on, before any conversion (DS18B20 data sheet, table 1). */
const powerOn = 85;
const powerOnTolerance = 5;

/**
 * °C, or why it is none.
 * @param before the sensor's last good value.
 */
export function celsiusOf(text: string, before: number | undefined): number | ReadFault {
  const garbage = (why: string): ReadFault => ({ trouble: 'garbage', why });
  const [first = '', second = ''] = text.split('\n');
  if (/ NO\s*$/.test(first))
    return garbage('its checksum is wrong: a bad contact, a long cable, or too weak a pull-up');
  if (!/ YES\s*$/.test(first)) return garbage('w1_slave does not end its first line with YES or NO');
  // Zeros have the checksum 0, which is right: it is what a bus that is shorted to ground gives.
  if (/^(?:00 ){9}:/.test(first)) return garbage('it answers with zeros alone: the bus is shorted');
  const milli = /t=(-?\d{1,7})\s*$/.exec(second)?.[1];
  if (milli === undefined) return garbage('w1_slave holds no t=');
  const value = Number(milli) / 1000;
  if (value < lowest || value > highest) return garbage(`${value} Cel is beyond its range, ${lowest} to ${highest}`);
  if (value === powerOn && !(Math.abs((before ?? Number.NaN) - powerOn) <= powerOnTolerance))
    return garbage('85 Cel is what it holds after power-on: it lost its supply, or did not convert');
  return value;
}
