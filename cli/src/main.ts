/** The `millrace` command: each sub-command is one file in `commands/`. */
import { readFileSync } from 'node:fs';
import { ConfigError, messageOf } from '@millrace/runtime/errors.ts';
import { exitCodes } from '@millrace/runtime/service.ts';
import { helpOf, UsageError } from './command.ts';
import { commands } from './commands/list.ts';

const [name, ...args] = process.argv.slice(2);
process.exitCode = await main(name, args);

async function main(name: string | undefined, args: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(overview());
    return name === undefined ? exitCodes.usage : exitCodes.done;
  }
  if (name === '--version') {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    process.stdout.write(`${version}\n`);
    return exitCodes.done;
  }
  const command = commands.find(one => one.name === name);
  if (command === undefined) {
    process.stderr.write(`millrace: there is no command '${name}'\n\n${overview()}`);
    return exitCodes.usage;
  }
  if (args.includes('--help') || args.includes('-h')) {
    process.stdout.write(helpOf(command));
    return exitCodes.done;
  }
  try {
    return await command.run(args);
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`millrace ${name}: ${error.message}\nTry: millrace ${name} --help\n`);
      return exitCodes.usage;
    }
    process.stderr.write(`millrace ${name}: ${messageOf(error)}\n`);
    return error instanceof ConfigError ? exitCodes.config : exitCodes.failed;
  }
}

function overview(): string {
  const width = Math.max(...commands.map(({ name }) => name.length));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`);
  return `Usage: millrace <command> [options]\n\n${lines.join('\n')}\n\nmillrace <command> --help shows a command's options and an example.\nExit codes: 0 done, 1 failed, 2 wrong usage, 78 wrong configuration.\n`;
}
