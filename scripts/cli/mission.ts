import { failWith } from './output.ts';
import { createProgram } from './program.ts';

// Whoever reads only the first lines, as `head` does, has what they wanted.
process.stdout.on('error', () => process.exit());

try {
  await createProgram().parseAsync();
} catch (error) {
  failWith(error);
}
// Temporal's native core, and a probe that hangs, keep a process alive whose work is done.
process.exit();
