/** The live status that a person reads: a table on a terminal, plain lines elsewhere. */
import { styleText } from 'node:util';
import type { Rates } from './flow.ts';
import type { Supervised } from './supervisor.ts';

export interface Row {
  readonly service: Supervised;
  readonly rates: Rates | undefined;
  /** What keeps a running service from being ready. */
  readonly waitsFor: string | undefined;
}

const plainEveryMs = 10_000;
const stateColors = { starting: 'yellow', running: 'green', waiting: 'red', stopped: 'gray' } as const;
const stateWords = { starting: 'starting', running: 'running', waiting: 'restarting', stopped: 'stopped' } as const;

export class View {
  readonly #stream: NodeJS.WriteStream;
  #tableLines = 0;
  #plainAtMs = 0;

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** A sentence that stays, above the table. */
  say(sentence: string): void {
    this.#erase();
    const time = new Date().toTimeString().slice(0, 8);
    // Sentences quote what came from outside; a terminal must not obey it.
    const harmless = sentence.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/g, '·');
    this.#stream.write(`${this.#stream.isTTY ? styleText('gray', time) : time} ${harmless}\n`);
  }

  show(rows: readonly Row[], footer: string): void {
    if (this.#stream.isTTY) this.#draw(rows, footer);
    else if (Date.now() - this.#plainAtMs >= plainEveryMs) {
      this.#plainAtMs = Date.now();
      this.say(
        rows
          .map(
            ({ service, rates, waitsFor }) =>
              `${service.name} ${waitsFor ? `waits (${waitsFor})` : stateWords[service.state]}${rates ? ` in ${perSecond(rates.inPerSecond)}/s out ${perSecond(rates.outPerSecond)}/s lag ${rates.lag}` : ''}`,
          )
          .join('; '),
      );
    }
  }

  #draw(rows: readonly Row[], footer: string): void {
    const width = Math.max(...rows.map(({ service }) => service.name.length), 8) + 2;
    const lines = [
      '',
      styleText(
        'gray',
        `  ${'service'.padEnd(width)}${'state'.padEnd(12)}${'in/s'.padStart(9)}${'out/s'.padStart(9)}${'waiting'.padStart(9)}`,
      ),
      ...rows.map(({ service, rates, waitsFor }) => {
        const state = waitsFor
          ? styleText('yellow', 'waits'.padEnd(12))
          : styleText(stateColors[service.state], stateWords[service.state].padEnd(12));
        const note = waitsFor ? styleText('gray', `  ${waitsFor.slice(0, 60)}`) : '';
        const numbers = rates
          ? perSecond(rates.inPerSecond).padStart(9) +
            perSecond(rates.outPerSecond).padStart(9) +
            String(rates.lag).padStart(9)
          : '';
        const restarts =
          service.restarts > 0
            ? styleText('gray', `   restarted ${service.restarts === 1 ? 'once' : `${service.restarts} times`}`)
            : '';
        return `  ${service.name.padEnd(width)}${state}${numbers}${note}${restarts}`;
      }),
      '',
      ...footer.split('\n').map(line => `  ${line}`),
    ];
    this.#erase();
    this.#stream.write(`${lines.join('\n')}\n`);
    this.#tableLines = lines.length;
  }

  /** Takes the table away, so that the next thing is written where it stood. */
  #erase(): void {
    if (this.#tableLines > 0) this.#stream.write(`\x1b[${this.#tableLines}F\x1b[0J`);
    this.#tableLines = 0;
  }
}

const perSecond = (rate: number): string => (rate >= 100 ? rate.toFixed(0) : rate.toFixed(1));
