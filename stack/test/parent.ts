/**
 * A parent for tests that kill it. `lifeline`: two children, one of which ignores SIGTERM, and a third that it takes
 * off the list. `stack <home>`: QuestDB. Prints what it runs as one JSON line and then waits.
 */
import { spawn } from 'node:child_process';
import { openLifeline } from '../src/lifeline.ts';
import { openStack } from '../src/stack.ts';

const [mode, home = ''] = process.argv.slice(2);
if (mode === 'stack') {
  const stack = await openStack({ home, kafkaNodes: 0, questdbJit: 'quick' });
  console.log(JSON.stringify({ pids: [stack.questdb?.pid] }));
  await stack.died;
} else {
  const lifeline = openLifeline({ graceMs: 400 });
  const start = (command: string) => {
    const child = spawn('sh', ['-c', command], { detached: true, stdio: ['ignore', 'pipe', 'ignore'] });
    lifeline.add(child.pid as number);
    // Listed before it is ready; told to the test only when its trap is set.
    return new Promise<number>(resolve => child.stdout.once('data', () => resolve(child.pid as number)));
  };
  const polite = await start('echo ready; exec sleep 600');
  const stubborn = await start("trap '' TERM; echo ready; while :; do sleep 1; done");
  const released = await start('echo ready; exec sleep 600');
  lifeline.remove(released);
  console.log(JSON.stringify({ pids: [polite, stubborn], released }));
  setInterval(() => {}, 60_000);
}
