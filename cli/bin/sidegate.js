#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The program itself needs Node 24. Where an older one runs this file, the package's own Node takes over.
if (Number(process.versions.node.split('.')[0]) >= 24) await import('../src/main.ts');
else handOver();

function handOver() {
  const script = fileURLToPath(import.meta.url);
  const modules = ['../node_modules', '../../node_modules'].map((path) => join(dirname(script), path));
  const node = modules.map((path) => join(path, '.bin/node')).find((path) => existsSync(path));
  if (node === undefined) {
    process.stderr.write(`sidegate: Node 24 or later is needed; this is ${process.version}. Run npm install.\n`);
    process.exitCode = 1;
    return;
  }
  const child = spawn(node, [script, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both; what is sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => {
    process.stderr.write(`sidegate: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on('exit', (code) => {
    process.exitCode = code ?? 1;
  });
}
