import { join } from 'node:path';
import { build } from 'esbuild';
import { SYSTEM } from '../cluster-stage.ts';
import { type Ground, VICTIM } from './ground.ts';
import { type Outcome, outcomeOf } from './outcome.ts';

/** The token that an agent's container has. */
export const OWN_TOKEN = '@/var/run/secrets/kubernetes.io/serviceaccount/token';

const URLS = {
  control: `https://sidegate-operator.${SYSTEM}.svc:8443`,
  store: `https://sidegate-store.${SYSTEM}.svc:8443`,
  reader: `https://sidegate-store.${SYSTEM}.svc:8443`,
} as const;

const NOBODY_LEADS = /Another replica leads, or none yet/;

async function bundled(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'agent-client.ts')],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    legalComments: 'none',
    logLevel: 'error',
  });
  return outputFiles[0]?.text ?? '';
}

/** The agent of a pod speaks to the operator or the store, with a gate's own words. It succeeded when what it heard matches. */
export async function speech(
  ground: Ground,
  service: keyof typeof URLS,
  { token, matches, gateId = '' }: { readonly token: string; readonly matches: RegExp; readonly gateId?: string },
): Promise<Outcome> {
  const root = await ground.stage.cluster.value('configmap', 'sidegate-injection', SYSTEM, '{.data.root\\.crt}');
  const node = ['env', `SIDEGATE_ROOT=${root}`, 'node', '--input-type=module', '-'];
  const program = await bundled();
  const ended = await ground.stage.cluster.until('somebody leads', async () => {
    const tried = await ground.inAgent([...node, service, URLS[service], token, gateId], VICTIM, { input: program });
    // Only who leads judges; the other replica sends everybody away.
    return NOBODY_LEADS.test(tried.stdout + tried.stderr) ? undefined : tried;
  });
  const { said } = outcomeOf(ended);
  return { succeeded: matches.test(said), said };
}
