/** Which messages a subscription is for (MQTT 3.1.1 § 4.7). */

export function covers(filter: string, topic: readonly string[]): boolean {
  const levels = filter.split('/');
  // § 4.7.2: wildcards at the beginning do not match topics that begin with $.
  if (topic[0]?.startsWith('$') && /^[+#]/.test(filter)) return false;
  for (const [i, level] of levels.entries()) {
    if (level === '#') return true;
    if (i >= topic.length || (level !== '+' && level !== topic[i])) return false;
  }
  return levels.length === topic.length;
}

/** Levels before the first wildcard; all but the last of a filter without one. */
export function baseLevels(filter: string): number {
  const levels = filter.split('/');
  const wildcard = levels.findIndex(level => level === '+' || level === '#');
  return wildcard === -1 ? levels.length - 1 : wildcard;
}
