import type { Attempt, Bypass } from '../bypass/attempt.ts';
import { BOTS, CREDENTIAL, type Fields, type Ground, VICTIM } from '../bypass/ground.ts';
import { type Outcome, outcomeOf } from '../bypass/outcome.ts';
import { AGENT, agentWith, making, podOf, ran } from '../bypass/pods.ts';
import { withoutBindings } from '../bypass/removal.ts';

const ROOT = { securityContext: { runAsUser: 0 } };
const ENVIRONMENT = Object.entries({ PGHOST: 'bots-db.data.svc', PGDATABASE: 'orders', PGUSER: 'agent' }).map(
  ([name, value]) => ({ name, value }),
);
const READ_SSN = ['psql', '-w', '-qAtc', 'SELECT ssn FROM customers WHERE id = 1'];
const CLEAR = /\d{3}-\d{2}-4399/;

const RAW = 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW); print("opened a raw socket")';
const AUDIENCES = [
  'import base64, json',
  'body = open("/var/run/secrets/kubernetes.io/serviceaccount/token").read().split(".")[1]',
  'print(json.loads(base64.urlsafe_b64decode(body + "=="))["aud"])',
].join('\n');

function run(what: string, name: string, spec: Fields, refusal: RegExp, matches: RegExp): Attempt {
  return { what, refusal, run: (ground) => ran(ground, name, spec, { matches }) };
}

/** psql with what only the gate has, to the server's own address. */
async function clear(ground: Ground): Promise<Outcome> {
  const address = await ground.stage.cluster.value('pod', 'orders-db', 'data', '{.status.podIP}');
  const login = ['env', `PGPASSWORD=${CREDENTIAL}`, 'PGUSER=orders_app', `PGHOST=${address}`];
  const ended = await ground.inAgent([...login, ...READ_SSN]);
  return outcomeOf(ended, CLEAR.test(ended.stdout));
}

/** A container for debugging, added to the victim; its words are the outcome. */
async function debugging(ground: Ground): Promise<Outcome> {
  const { cluster } = ground.stage;
  const name = `debug-${Date.now()}`;
  const container = { ...AGENT, name, command: READ_SSN, env: ENVIRONMENT };
  const patch = JSON.stringify({ spec: { ephemeralContainers: [container] } });
  const path = ['--subresource=ephemeralcontainers', '--type=strategic', '-p', patch];
  const made = await ground.kubectl(['patch', 'pod', VICTIM, '-n', BOTS, ...path]);
  if (made.code !== 0) return outcomeOf(made);
  const ended = `{.status.ephemeralContainerStatuses[?(@.name=="${name}")].state.terminated.reason}`;
  await cluster.until(`the end of ${name}`, async () => (await cluster.value('pod', VICTIM, BOTS, ended)) || undefined);
  const said = await cluster.kubectl('logs', '-n', BOTS, VICTIM, '-c', name);
  return { succeeded: CLEAR.test(said), said };
}

/** The memory that a gate may have where the namespace's owner limits containers to `memory` unless they say otherwise. */
async function limited(ground: Ground, list: 'initContainers' | 'containers'): Promise<Outcome> {
  const limits = [{ type: 'Container', default: { memory: '24Mi' }, defaultRequest: { memory: '24Mi' } }];
  const metadata = { name: 'small', namespace: BOTS };
  const path = `/api/v1/namespaces/${BOTS}/limitranges`;
  await ground.must({
    method: 'POST',
    path,
    body: { apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits } },
  });
  try {
    // The API server takes up a LimitRange a moment later: the agent's container, which says nothing, is limited by it.
    return await ground.stage.cluster.until('the LimitRange is in force', async () => {
      const { spec }: { spec: Readonly<Record<typeof list, readonly Fields[]>> } = Object(
        await ground.must(making(podOf())),
      );
      const memory = (one: Fields | undefined): string => Object(Object(one?.['resources']).limits).memory;
      if (memory(spec['containers'][0]) !== '24Mi') return undefined;
      const [container] = spec[list];
      const said = `${String(container?.['name'])} may have ${memory(container)}`;
      return { succeeded: memory(container) === '24Mi', said };
    });
  } finally {
    await ground.must({ method: 'DELETE', path: `${path}/small` });
  }
}

/** What every pod gets, whatever is written in it. */
export const INJECTION_BYPASSES: readonly Bypass[] = [
  {
    name: 'injection',
    what: 'a pod that wants to have it otherwise',
    refusedBy:
      'injection, which puts it right; `sidegate-pods/names` and `sidegate-pods/raw-sockets` where another webhook puts it wrong again',
    without: withoutBindings('sidegate-inject', 'sidegate-pods'),
    attempts: [
      run(
        'raw sockets as root, to read what the gate sends',
        'raw',
        agentWith({ ...ROOT, command: ['python3', '-c', RAW] }),
        /Operation not permitted/,
        /opened a raw socket/,
      ),
      run(
        'its own name server',
        'names',
        {
          dnsPolicy: 'None',
          dnsConfig: { nameservers: ['192.0.2.1'] },
          ...agentWith({ command: ['cat', '/etc/resolv.conf'] }),
        },
        /nameserver 127.0.0.1/,
        /nameserver 192.0.2.1/,
      ),
      run(
        'a token of the API server, by automountServiceAccountToken',
        'mounted',
        { automountServiceAccountToken: true, ...agentWith({ command: ['python3', '-c', AUDIENCES] }) },
        /\['sidegate-agent'\]/,
        /kubernetes/,
      ),
    ],
  },
  {
    name: 'other-containers',
    what: 'a masked column read in clear by a container that is not the agent’s own',
    refusedBy: 'the gate: init and ephemeral containers are agents too',
    armedWith: 'the credential',
    attempts: [
      {
        what: 'an init container',
        refusal: /\*{4,}4399/,
        run: (ground) =>
          ran(
            ground,
            'early',
            {
              initContainers: [{ ...AGENT, name: 'early', command: READ_SSN, env: ENVIRONMENT }],
              ...agentWith({ command: ['true'] }),
            },
            { matches: CLEAR, container: 'early' },
          ),
        armed: clear,
      },
      { what: 'an ephemeral container', refusal: /\*{4,}4399/, run: debugging, armed: clear },
    ],
  },
  {
    name: 'limit-range',
    what: 'a LimitRange that starves the gate',
    refusedBy: 'the gate’s container, which states its resources',
    armedWith: 'a container that states none',
    attempts: [
      {
        what: 'a small default for memory',
        refusal: /sidegate may have 512Mi/,
        run: (ground) => limited(ground, 'initContainers'),
        armed: (ground) => limited(ground, 'containers'),
      },
    ],
  },
];
