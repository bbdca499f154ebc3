import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findGo } from '../support/go.ts';

/** Resource definitions of others that the chart can make objects of, as their makers publish them: files of a Go module, pinned by its hash. */
const SOURCES = [
  {
    module: 'github.com/cert-manager/cert-manager@v1.19.1',
    sum: 'h1:Txh8L/nLWTDcb7ZnXuXbTe15BxQnLbLirXmbNk0fGgY=',
    files: ['issuers', 'certificates'].map((name) => `deploy/crds/cert-manager.io_${name}.yaml`),
  },
  {
    module: 'github.com/prometheus-operator/prometheus-operator@v0.85.0',
    sum: 'h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=',
    files: ['servicemonitors', 'prometheusrules'].map(
      (name) => `example/prometheus-operator-crd/monitoring.coreos.com_${name}.yaml`,
    ),
  },
] as const;

export const OTHER_DEFINITIONS = [
  'issuers.cert-manager.io',
  'certificates.cert-manager.io',
  'servicemonitors.monitoring.coreos.com',
  'prometheusrules.monitoring.coreos.com',
] as const;

/** The manifests of {@link OTHER_DEFINITIONS}. Throws with Go's words when they cannot be had, or are not those that were pinned. */
export function otherDefinitions(): string {
  const go = findGo();
  if (go === undefined) throw new Error('Go fetches the definitions of others, and there is none');
  return SOURCES.flatMap(({ module, sum, files }) => {
    const { status, stdout, stderr } = spawnSync(go.program, ['mod', 'download', '-json', module], {
      encoding: 'utf8',
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '' },
    });
    const found: { readonly Dir?: string; readonly Sum?: string } = status === 0 ? Object(JSON.parse(stdout)) : {};
    if (found.Dir === undefined || found.Sum !== sum) throw new Error(`${module}: ${stderr}${stdout}`);
    const { Dir: folder } = found;
    return files.map((file) => readFileSync(join(folder, file), 'utf8'));
  }).join('\n---\n');
}
