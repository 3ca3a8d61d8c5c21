/** Preloaded into a process under test: see clock.ts. */
import { readFileSync } from 'node:fs';

const RealDate = globalThis.Date;
let offsetMs = 0;
const read = () => {
  offsetMs = Number(readFileSync(process.env.MILLRACE_TEST_CLOCK, 'utf8'));
};
read();
process.on('SIGUSR2', read);

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offsetMs);
    else super(...args);
  }
  static now() {
    return RealDate.now() + offsetMs;
  }
};
