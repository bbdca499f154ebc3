import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, linkSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleImage } from './bundle.ts';
import { FOREIGN_IMAGES, IMAGES } from './programs.ts';

const HELP = `npm run images -- [--tag TAG] [--base IMAGE] [--packages IMAGE] [--only NAME]... [--contexts]

  Bundles the programs and builds the images sidegate/operator, sidegate/gate, sidegate/store, sidegate/cli and sidegate/lock
  with the Docker daemon that DOCKER_HOST names.

  --tag TAG      the images' tag (dev)
  --base IMAGE   an image with glibc and libstdc++ in place of the pinned one
  --packages IMAGE
                 an image of Debian in place of debian:12-slim, of which nft is taken for sidegate/lock
  --only NAME    only this image
  --contexts     makes the folders that Docker builds from (dist/images), and no image
`;

const root = join(import.meta.dirname, '..');

/** Makes the folders that the images are built from, below `into`. */
export async function makeContexts(into: string, only?: readonly string[]): Promise<readonly string[]> {
  mkdirSync(into, { recursive: true });
  const node = join(into, 'node');
  rmSync(node, { force: true });
  copyFileSync(join(root, 'node_modules/node/bin/node'), node);
  // What a debugger would need is a seventh of the file. Where there is no strip, it stays.
  spawnSync('strip', [node]);
  const made: string[] = [];
  for (const program of IMAGES) {
    if (only !== undefined && !only.includes(program.name)) continue;
    const folder = join(into, program.name);
    await bundleImage(root, program, folder);
    linkSync(node, join(folder, 'node'));
    cpSync(join(root, 'images', program.name, 'Dockerfile'), join(folder, 'Dockerfile'));
    made.push(program.name);
  }
  for (const name of FOREIGN_IMAGES) {
    if (only !== undefined && !only.includes(name)) continue;
    cpSync(join(root, 'images', name), join(into, name), { recursive: true });
    made.push(name);
  }
  return made;
}

/** Builds the image of one folder. Throws with Docker's words. `given`: arguments of Dockerfiles, of which one takes what it knows. */
function buildImage(folder: string, tag: string, given: Readonly<Record<string, string | undefined>>): void {
  const parameters = ['build', '--quiet', '--network', 'host', '-t', tag];
  for (const [name, value] of Object.entries(given))
    if (value !== undefined) parameters.push('--build-arg', `${name}=${value}`);
  const { status, stderr, error } = spawnSync('docker', [...parameters, folder], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${tag} cannot be built: ${error?.message ?? stderr}`);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      tag: { type: 'string', default: 'dev' },
      base: { type: 'string' },
      packages: { type: 'string' },
      only: { type: 'string', multiple: true },
      contexts: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  const into = join(root, 'dist', 'images');
  if (existsSync(into)) rmSync(into, { recursive: true });
  for (const name of await makeContexts(into, values.only)) {
    if (!values.contexts)
      buildImage(join(into, name), `sidegate/${name}:${values.tag}`, { BASE: values.base, PACKAGES: values.packages });
    process.stdout.write(`${values.contexts ? join(into, name) : `sidegate/${name}:${values.tag}`}\n`);
  }
  return 0;
}

if (import.meta.main) process.exitCode = await main();
