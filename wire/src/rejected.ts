/**
 * This item can never succeed, however often it is tried: it goes, whole, to the rejected topic with this reason, and
 * its neighbours go on. Lives in `wire` because decoding is where most items turn out to be unusable.
 */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  /** Where in the item the fault is, as a path: `series[2].unit`, `value[17]`, `payload`. */
  readonly field: string;

  constructor(field: string, message: string) {
    // Both may quote the item, and end on a terminal.
    super(printable(`${field}: ${message}`));
    this.field = printable(field);
  }
}

/** Without control characters, which a terminal would obey, and of bounded length. */
function printable(text: string): string {
  return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '·').slice(0, 500);
}
