/** `millrace-edge`: the edge agent alone, bundled to one file for the Debian package. */
import { openLog } from '@millrace/runtime/log.ts';
import { runEdge } from '../../src/main.ts';
import { notifySystemd } from '../../src/systemd.ts';

const usage = `Usage: millrace-edge [--config FILE]

Runs the agent with FILE (default: /etc/millrace/edge.yaml). systemd runs it: systemctl status millrace-edge
Exit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.
`;

const args = process.argv.slice(2);
process.exitCode = await main();

async function main(): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(usage);
    return 0;
  }
  if (args.length > 0 && !(args.length === 2 && args[0] === '--config')) {
    process.stderr.write(usage);
    return 2;
  }
  // Ready before the configuration was looked at, until runEdge says it itself.
  await using _ = notifySystemd({ env: process.env, log: openLog('edge', 'info') });
  try {
    return await runEdge({ file: args[1] ?? '/etc/millrace/edge.yaml', env: process.env });
  } catch (error) {
    process.stderr.write(`millrace-edge: ${error instanceof Error ? error.message : String(error)}\n`);
    return 78;
  }
}
