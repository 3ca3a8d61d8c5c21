import { type Alert, severityNames } from '@millrace/wire/alert.ts';
import type { Only } from './config.ts';

/** Whether each field that is asked for matches one of its names. */
export function isWanted(only: Only, alert: Alert): boolean {
  const { rule, gateway, sensor, metric } = alert;
  const named = { severity: severityNames[alert.severity].toLowerCase(), rule, gateway, sensor, metric };
  return (Object.keys(named) as (keyof typeof named)[]).every(field => {
    const wanted = only[field];
    return wanted === undefined || [wanted].flat().some(pattern => matches(pattern, named[field]));
  });
}

const matches = (pattern: string, name: string): boolean =>
  pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
