import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleImage } from '../../images/bundle.ts';
import { IMAGES } from '../../images/programs.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** Makes the operator as its image has it, in `folder`; gives the parameters that its image starts Node with, the bundle among them. */
export async function bundledOperator(folder: string): Promise<readonly string[]> {
  const program = IMAGES.find(({ name }) => name === 'operator');
  if (program === undefined) throw new Error('There is no image of the operator.');
  await bundleImage(ROOT, program, folder);
  const file = readFileSync(join(ROOT, 'images', 'operator', 'Dockerfile'), 'utf8');
  const entry: readonly string[] = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(file)?.[1] ?? '[]');
  return entry.slice(1).map((parameter) => parameter.replace(/^\/app\//, `${join(folder, 'app')}/`));
}
