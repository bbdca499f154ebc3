import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { build } from 'esbuild';
import { billOfMaterials } from './bill-of-materials.ts';
import type { ImageProgram } from './programs.ts';

/** CommonJS packages in an ESM bundle ask for these. */
const BANNER = [
  "import { createRequire as sidegateRequire } from 'node:module';",
  "import { dirname as sidegateDirname } from 'node:path';",
  "import { fileURLToPath as sidegatePath } from 'node:url';",
  'const require = sidegateRequire(import.meta.url);',
  'const __filename = sidegatePath(import.meta.url);',
  'const __dirname = sidegateDirname(__filename);',
].join('\n');

/**
 * Fills `folder` with `app/` (the image's bundles and what they read beside them) and `bill-of-materials.json` (CycloneDX: what is in the
 * bundles, by the lock file). `root` is the checkout.
 */
export async function bundleImage(root: string, program: ImageProgram, folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const app = join(folder, 'app');
  mkdirSync(app, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: Object.entries(program.bundles).map(([out, source]) => ({ in: source, out })),
    outdir: app,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    banner: { js: BANNER },
    legalComments: 'none',
    keepNames: true,
    sourcemap: false,
    metafile: true,
    // Native parts that ssh2 does without.
    external: ['cpu-features', '*.node'],
    logLevel: 'error',
  });
  for (const file of program.files) copyFileSync(join(root, file), join(app, basename(file)));
  // Found by its name in `kubectl exec`; there is no shell in the image.
  if ('sidegate' in program.bundles)
    writeFileSync(join(app, 'sidegate'), "#!/usr/local/bin/node\nimport './sidegate.js';\n", { mode: 0o755 });
  writeFileSync(join(app, 'package.json'), '{"type":"module"}\n');
  const lock: unknown = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  const bill = billOfMaterials(program.name, Object.keys(metafile.inputs), lock);
  writeFileSync(join(folder, 'bill-of-materials.json'), `${JSON.stringify(bill, null, 2)}\n`);
}
