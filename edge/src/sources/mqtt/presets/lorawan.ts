/** What ChirpStack's and The Things Stack's uplinks have in common. */
import { numberOf } from '../../mapping/scalars.ts';
import { isJson } from '../fields.ts';

/** Signal of the gateway that heard the device best. */
export function signal(receptions: unknown): Record<string, number> {
  let best: Record<string, number> = {};
  for (const reception of Array.isArray(receptions) ? receptions : []) {
    if (!isJson(reception)) continue;
    const rssi = numberOf(reception['rssi']);
    const snr = numberOf(reception['snr']);
    if (rssi !== undefined && rssi > (best['rssi'] ?? Number.NEGATIVE_INFINITY))
      best = { rssi, ...(snr !== undefined && { snr }) };
  }
  return best;
}

export const radioUnits: Readonly<Record<string, string>> = { rssi: 'dB[mW]', snr: 'dB', margin: 'dB', battery: '%' };
