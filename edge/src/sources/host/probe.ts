/** What the parts of the host source have in common. */

/** A number of one series, before it has a time. */
export interface Sample {
  readonly sensor: string;
  readonly metric: string;
  readonly unit: string;
  readonly value: number;
}

/** Reads one part of the machine; `atMs` is monotonic, for rates. Throws when that part cannot be read as a whole. */
export interface Probe {
  readonly name: string;
  read(atMs: number): Promise<Sample[]>;
}
