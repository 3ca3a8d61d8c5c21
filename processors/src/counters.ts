/** What became of readings, since the task was made; each is counted once, under one name. */
export interface ReadingCounters {
  /** In a window. */
  counted: number;
  /** Seen before, by (gateway, boot, seq). */
  duplicate: number;
  /** Their pane took no more readings. */
  late: number;
  /** Dated by a clock that was not synchronised. */
  unsynced: number;
  /** Dated further in the future than clocks differ. */
  future: number;
  /** Marked bad by their gateway. */
  bad: number;
  /** Beyond the series or panes that are kept. */
  refused: number;
}

export const noneCounted = (): ReadingCounters => ({
  counted: 0,
  duplicate: 0,
  late: 0,
  unsynced: 0,
  future: 0,
  bad: 0,
  refused: 0,
});
