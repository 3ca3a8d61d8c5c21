/** Text for a terminal: columns that fit its width, and nothing that it would obey. */

/** Columns of standard output; wide where nobody looks at it, so that programs meet whole lines. */
export const terminalWidth = (): number => process.stdout.columns ?? (Number(process.env['COLUMNS']) || 160);

/** Without control characters: what came from outside may be shown, and must not move the cursor. */
export const harmless = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·');

export interface Column {
  readonly title: string;
  readonly right?: boolean;
  /** Takes what the others leave, 30 characters at least, and is cut. At most one. */
  readonly rest?: boolean;
}

/** Lines of a table, its header first. */
export function table(columns: readonly Column[], rows: readonly (readonly string[])[], width: number): string[] {
  const gap = 2;
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map(row => row[i]!.length)));
  const flexible = columns.findIndex(({ rest }) => rest);
  if (flexible >= 0) {
    const others = widths.reduce((sum, one, i) => sum + (i === flexible ? 0 : one + gap), 0);
    widths[flexible] = Math.min(widths[flexible]!, Math.max(30, width - others));
  }
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => {
        const text = cell.length > widths[i]! ? `${cell.slice(0, widths[i]! - 1)}…` : cell;
        return columns[i]!.right ? text.padStart(widths[i]!) : text.padEnd(widths[i]!);
      })
      .join(' '.repeat(gap))
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

/** A sentence in lines of at most `width`, those after the first indented. */
export function wrapped(text: string, width: number, indent = ''): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = indent + word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join('\n');
}

/** 1234567 → `1,234,567`. */
export const grouped = (count: number): string => count.toLocaleString('en-US');
