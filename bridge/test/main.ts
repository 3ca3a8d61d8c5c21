/** A bridge as a process of its own, without the command line around it. */
import { runBridge } from '../src/main.ts';

process.exitCode = await runBridge({ file: '/dev/null', env: process.env });
