/** Writes an image to a target, one line a step: a process of its own, which a test kills. `node write-once.ts IMAGE TARGET` */
import { Overlay } from '../src/overlay.ts';
import { verifySource } from '../src/source/verify.ts';
import { openTarget } from '../src/target/open.ts';
import { writeCards } from '../src/write.ts';

const [image, path] = process.argv.slice(2);
using source = await verifySource(image!);
await using target = await openTarget(path!, source.sizeBytes, { overwrite: true });
process.stdout.write('opened\n');
const [outcome] = await writeCards(source, [{ target, image: new Overlay(source.start) }], {
  onProgress: ({ phase, doneBytes }) => process.stdout.write(`${phase} ${doneBytes}\n`),
});
process.stdout.write(`${JSON.stringify(outcome)}\n`);
