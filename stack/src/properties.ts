/** A Java properties file (java.util.Properties, load): values survive whatever characters they hold. */
export function javaProperties(entries: Readonly<Record<string, string | number | boolean>>): string {
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${escape(String(value))}\n`)
    .join('');
}

function escape(value: string): string {
  return value.replaceAll('\\', '\\\\').replace(/^ | $|[^ -~]/g, character => {
    // UTF-16 unit by unit, as the format wants it.
    const units = Array.from({ length: character.length }, (_, i) => character.charCodeAt(i));
    return units.map(unit => `\\u${unit.toString(16).padStart(4, '0')}`).join('');
  });
}
