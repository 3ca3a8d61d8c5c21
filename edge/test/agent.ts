/** The agent as a process of its own: `node edge/test/agent.ts FILE`. */
import { runEdge } from '../src/main.ts';

process.exitCode = await runEdge({ file: process.argv[2], env: process.env }).catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  return 78;
});
