/**
 * This item can never succeed, however often it is tried: it goes, whole, to the rejected topic with this reason, and
 * its neighbours go on. Lives in `wire` because decoding is where most items turn out to be unusable.
 */
export class RejectedError extends Error {
  override readonly name = 'RejectedError';
  /** Where in the item the fault is, as a path: `series[2].unit`, `value[17]`, `payload`. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.field = field;
  }
}
