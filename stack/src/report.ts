/** What happens while the stack starts, for whoever shows it. */
export type StackEvent =
  /** One sentence for the operator. */
  | { readonly kind: 'note'; readonly text: string }
  /** The first start's download. */
  | { readonly kind: 'fetch'; readonly receivedBytes: number; readonly totalBytes: number };

export type Report = (event: StackEvent) => void;

/** What a reporter writes to: `process.stderr`, or a test's recorder. */
export interface ReportStream {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** Draws a progress bar on a terminal; elsewhere one plain line a quarter of the way. */
export function reportTo(stream: ReportStream): Report {
  let barShown = false;
  let quartersSaid = 0;
  const endBar = () => {
    if (barShown) stream.write('\n');
    barShown = false;
  };
  return event => {
    if (event.kind === 'note') {
      endBar();
      stream.write(`${event.text}\n`);
      return;
    }
    const share = event.totalBytes === 0 ? 1 : Math.min(1, event.receivedBytes / event.totalBytes);
    const amounts = `${mb(event.receivedBytes)} of ${mb(event.totalBytes)} MB`;
    if (stream.isTTY) {
      const width = Math.max(10, Math.min(40, (stream.columns ?? 80) - 40));
      const full = Math.round(share * width);
      const percent = `${Math.floor(share * 100)}`.padStart(3);
      stream.write(`\r  ${'█'.repeat(full)}${'░'.repeat(width - full)} ${percent} %  ${amounts} `);
      barShown = true;
      if (share === 1) endBar();
    } else if (Math.floor(share * 4) > quartersSaid) {
      quartersSaid = Math.floor(share * 4);
      stream.write(`fetched ${amounts}\n`);
    }
  };
}

const mb = (bytes: number) => (bytes / 1e6).toFixed(0);
