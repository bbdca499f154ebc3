import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { play } from './playbook.ts';
import { SCENARIOS } from './scenarios/index.ts';

/** Writes all golden transcripts anew: `node sidecar/src/protocols/postgres/testing/update-goldens.ts`. Read the difference before you keep it. */
const folder = new URL('golden/', import.meta.url);
for (const file of readdirSync(folder)) rmSync(new URL(file, folder));
for (const { name, happenings, options } of SCENARIOS)
  writeFileSync(new URL(`${name}.txt`, folder), `${play(happenings, options).join('\n')}\n`);
