import { AGENT_IMAGE } from '../images.ts';
import { type Asked, BOTS, type Fields, type Ground, VICTIM } from './ground.ts';
import type { Outcome } from './outcome.ts';

export const PODS = `/api/v1/namespaces/${BOTS}/pods`;
export const DRY = { dryRun: 'All' };

/** The agent's container as one is written who follows the documentation. */
export const AGENT: Fields = {
  name: 'agent',
  image: AGENT_IMAGE,
  imagePullPolicy: 'IfNotPresent',
  command: ['sleep', 'infinity'],
  securityContext: { runAsUser: 1000 },
};

export const agentWith = (change: Fields): Fields => ({ containers: [{ ...AGENT, ...change }] });

/** A variable that the kubelet reads in a file of the volume, mounted or not. */
export const fromFile = (volumeName: string): Fields => ({
  name: 'X',
  valueFrom: { fileKeyRef: { volumeName, path: 'last-known-good.json', key: 'X', optional: true } },
});

/** A pod of {@link BOTS}, as it is written; `spec` is put over it. */
export function podOf(spec: Fields = {}, name = 'attempt', metadata: Fields = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: BOTS, labels: { app: 'bot' }, ...metadata },
    spec: { terminationGracePeriodSeconds: 1, serviceAccountName: 'bot', containers: [AGENT], ...spec },
  };
}

/** The request that makes it, or only asks what would come of it. */
export function making(pod: Fields, query: Readonly<Record<string, string>> = DRY): Asked {
  return { method: 'POST', path: PODS, query, body: pod };
}

interface Injected {
  readonly gate: Fields;
  readonly volumes: readonly Fields[];
  readonly spec: Fields;
}

/** What injection made of the victim. */
export async function injected(ground: Ground): Promise<Injected> {
  const { spec } = await ground.stage.cluster.get('pod', VICTIM, BOTS);
  const { initContainers, volumes }: { initContainers: Fields[]; volumes: Fields[] } = Object(spec);
  const gate = initContainers.find(({ name }) => name === 'sidegate');
  if (gate === undefined) throw new Error('the victim has no gate');
  return { gate, volumes, spec: Object(spec) };
}

/** Runs one pod to its end as the attacker. Its words are the outcome: it succeeded when they match. */
export async function ran(
  ground: Ground,
  name: string,
  spec: Fields,
  { matches, container = 'agent' }: { readonly matches: RegExp; readonly container?: string },
): Promise<Outcome> {
  const { cluster } = ground.stage;
  const made = await ground.asks(making(podOf({ restartPolicy: 'Never', ...spec }, name), {}));
  if (!made.succeeded) return made;
  try {
    await cluster.until(`the end of ${name}`, async () => {
      const phase = await cluster.value('pod', name, BOTS, '{.status.phase}');
      return phase === 'Succeeded' || phase === 'Failed' ? phase : undefined;
    });
    const said = await cluster.kubectl('logs', '-n', BOTS, name, '-c', container);
    return { succeeded: matches.test(said), said };
  } finally {
    await ground.stage.deletePod(name, BOTS, '--grace-period=0', '--force');
  }
}
