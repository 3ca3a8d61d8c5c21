/** `millrace-edge`: the command `millrace edge` alone, bundled to one file for the Debian package. */
import { existsSync } from 'node:fs';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { helpOf, UsageError } from '../../../cli/src/command.ts';
import { edge } from '../../../cli/src/commands/edge.ts';

const installed = '/etc/millrace/edge.yaml';

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpOf(edge).replaceAll('millrace edge', 'millrace-edge'));
    return exitCodes.done;
  }
  const [verb] = args;
  const namesFile = args.some(arg => arg.startsWith('--config')) || verb === 'check' || verb === 'try';
  const withFile = namesFile || !existsSync(installed) ? args : [...args, '--config', installed];
  try {
    return await edge.run(withFile);
  } catch (error) {
    process.stderr.write(`millrace-edge: ${messageOf(error)}\n`);
    if (error instanceof UsageError) return exitCodes.usage;
    return error instanceof ConfigError ? exitCodes.config : exitCodes.failed;
  }
}
