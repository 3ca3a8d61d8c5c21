/** `node examples/lamp-controller/main.ts [PORT]`: prints what lamps do. */
import { openLampController } from './controller.ts';

const { url } = await openLampController(Number(process.argv[2] ?? 8090), { say: sentence => console.log(sentence) });
console.log(`lamp controller at ${url}`);
