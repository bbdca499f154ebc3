import { Ground } from '../bypass/ground.ts';
import { withoutClauses, withoutObjects } from '../bypass/removal.ts';
import { type ClusterCase, must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';
import { AGENT_IMAGE } from '../images.ts';
import { isRecorded, masks } from './disturbance.ts';

const BOT = 'locked-bot';
const LISTED_BOT = 'listed-bot';
const FAILING_BOT = 'failing-bot';
const OPEN_BOT = 'open-bot';
const GATE_USER = '64732';
const LEVEL = 'pod-security.kubernetes.io/enforce';
const LOCKED = 'injection.egress=Locked';
const EPHEMERAL_BINDING =
  '/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicybindings/sidegate-inject-ephemeral';

/**
 * Goes straight to an address, as another user where one is named: prints `reached`, or the name of the error. What answers nothing prints
 * `silence`, so that a lock that drops is told from one that refuses. Over UDP it asks a name server.
 */
const DIRECT = `
import errno, os, socket, sys
way, host, port, user = sys.argv[1:5]
try:
    if user: os.setuid(int(user))
except OSError as error:
    sys.exit(print("may not become " + user))
kind = socket.SOCK_DGRAM if way == "udp" else socket.SOCK_STREAM
family, _, _, _, address = socket.getaddrinfo(host, int(port), type=kind)[0]
talk = socket.socket(family, kind, 262 if way == "mptcp" else 0)
talk.settimeout(20)
try:
    talk.connect(address)
    if way == "udp":
        talk.send(b"\\0\\7\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\7cluster\\5local\\0\\0\\2\\0\\1")
        talk.recv(512)
    print("reached")
except TimeoutError:
    print("silence")
except OSError as error:
    print(errno.errorcode.get(error.errno, str(error)))
`;

/** What is said at once: by a reset, or by the kernel that does not send. */
const REFUSED = { tcp: /^ECONNREFUSED$/, mptcp: /^ECONNREFUSED$/, udp: /^(?:EPERM|EHOSTUNREACH|EACCES)$/ } as const;

/** The network, closed. Each puts the plain installation back. */
export const EGRESS_CASES: readonly ClusterCase[] = [
  {
    name: 'egress-locked',
    group: 'egress',
    what: 'with egress Locked a pod reaches its Targets through the gate and is probed, and everything else is refused at once, but for networks that are listed; Open, the same is reached',
    needs: ['injected'],
    run: (stage) =>
      whileLocked(stage, async () => {
        await refusedByPodSecurity(stage);
        await enforce(stage, 'privileged');
        await untilMade(stage, BOT, 'sidegate-lock', probed);
        must(await masks(stage, BOT), 'the gate’s way does not work');
        await isRecorded(stage, 'through_the_lock', BOT);
        const ways = await waysOf(stage);
        for (const way of ways) {
          const said = await direct(stage, BOT, way);
          must(REFUSED[way.way].test(said), `${shown(way)} is not refused at once`, said);
          const open = await direct(stage, AGENT, way);
          must(open === 'reached', `${shown(way)} is not reached without a lock either`, open);
        }
        await checkNamesOpenPods(stage);
        must(await masks(stage), 'a pod that was there before does not go on');
        await listed(stage);
        await stage.install();
        await untilMade(stage, OPEN_BOT, 'sidegate');
        for (const way of ways) {
          const said = await direct(stage, OPEN_BOT, way);
          must(said === 'reached', `${shown(way)} is not reached with egress Open`, said);
        }
        must(await masks(stage, BOT), 'a locked pod does not go on with egress Open');
      }),
  },
];

/** What breaks on purpose, or takes a guard away. */
export const BROKEN_EGRESS_CASES: readonly ClusterCase[] = [
  {
    name: 'egress-users',
    group: 'egress',
    what: 'an agent of a locked pod that is root cannot become the gate’s user, which gets out; without the guard it does',
    needs: ['injected'],
    run: (stage) =>
      whileLocked(stage, async () => {
        await enforce(stage, 'privileged');
        await untilMade(stage, BOT, 'sidegate-lock', asRoot);
        const [tcp] = await waysOf(stage);
        const said = await direct(stage, BOT, tcp);
        must(REFUSED.tcp.test(said), 'root is not refused', said);
        const become = await direct(stage, BOT, tcp, GATE_USER);
        must(become === `may not become ${GATE_USER}`, 'root becomes the gate’s user', become);
        const ground = new Ground(stage);
        // Injection would put it right, so it is away while the guard shows what it refuses.
        const noInjection = withoutObjects('injection of debugging containers', EPHEMERAL_BINDING);
        await using _uninjected = await noInjection.take(ground);
        await stage.cluster.until('the guard refuses it', async () => {
          const refused = await debug(stage, tcp);
          return /Container debug-\d+ keeps the capability SETUID/.test(refused) ? true : undefined;
        });
        await using _unguarded = await withoutClauses('sidegate-debug/change-user').take(ground);
        await stage.cluster.until('without the guard it gets out', async () => {
          const gone = await debug(stage, tcp);
          if (gone !== 'reached') throw new Error(gone);
          return true;
        });
      }),
  },
  {
    name: 'egress-anew',
    group: 'egress',
    what: 'a pod whose sandbox is made anew is locked again before its agent is back',
    needs: ['injected'],
    skip: ({ node }) => (node === undefined ? 'the sandboxes of this cluster are not ours to end' : undefined),
    run: (stage) =>
      whileLocked(stage, async () => {
        await enforce(stage, 'privileged');
        const [tcp] = await waysOf(stage);
        await untilMade(stage, BOT, 'sidegate-lock');
        const sandbox = stage.node?.sandboxOf(BOT, 'agents') ?? '';
        stage.node?.killContainer(sandbox);
        await stage.cluster.until('there is another sandbox, and the agent is back', async () => {
          if (stage.node?.sandboxOf(BOT, 'agents') === sandbox) return undefined;
          const said = await direct(stage, BOT, tcp);
          must(said !== 'reached', 'it is reached', said);
          return REFUSED.tcp.test(said) && (await masks(stage, BOT)) ? true : undefined;
        });
        const ended = await stage.cluster.value(
          'pod',
          BOT,
          'agents',
          '{.status.initContainerStatuses[0].restartCount}',
        );
        must(ended !== '0', 'the lock did not run again', ended);
      }),
  },
  {
    name: 'egress-unlocked',
    group: 'egress',
    what: 'a pod whose lock does not run starts neither gate nor agent, and kubectl sidegate check names it',
    needs: ['injected'],
    run: (stage) =>
      whileLocked(stage, async () => {
        await enforce(stage, 'privileged');
        await withLockImage(stage, AGENT_IMAGE);
        await stage.cluster.until('the pod has that lock', async () => {
          await stage.deletePod(FAILING_BOT, 'agents', '--grace-period=0', '--force');
          await stage.cluster.apply(manifestOf(stage, FAILING_BOT));
          const image = await stage.cluster.value('pod', FAILING_BOT, 'agents', '{.spec.initContainers[0].image}');
          return image === AGENT_IMAGE ? true : undefined;
        });
        const status = await stage.cluster.until('the lock fails', async () => {
          const found = Object((await stage.cluster.get('pod', FAILING_BOT, 'agents'))['status']);
          return /"exitCode":(?!0\b)\d+/.test(JSON.stringify(found.initContainerStatuses)) ? found : undefined;
        });
        const all = [...status.initContainerStatuses, ...status.containerStatuses];
        const started = all.filter(({ name, started: up }) => name !== 'sidegate-lock' && up === true);
        must(started.length === 0, 'another container started', started);
        const { stdout } = await stage.sidegate('check');
        must(
          new RegExp(`gate of ${FAILING_BOT} has not started; .*-c sidegate-lock$`, 'm').test(stdout),
          'check does not name it',
          stdout,
        );
      }),
  },
];

interface Way {
  /** MPTCP sends from sockets that no process has. */
  readonly way: 'tcp' | 'mptcp' | 'udp';
  readonly host: string;
  readonly port: number;
}

const shown = ({ way, host, port }: Way): string => `${way} ${host}:${port}`;

/** Ways round the gate: to the database's pod and its Service, over IPv6 where the pods have it, and to a name server. */
async function waysOf(stage: Stage): Promise<readonly [Way, ...Way[]]> {
  const { cluster } = stage;
  const ways: [Way, ...Way[]] = [
    { way: 'tcp', host: await cluster.value('pod', 'orders-db', 'data', '{.status.podIP}'), port: 5432 },
    { way: 'tcp', host: await cluster.value('service', 'orders-db', 'data', '{.spec.clusterIP}'), port: 5432 },
    { way: 'udp', host: await cluster.value('service', 'kube-dns', 'kube-system', '{.spec.clusterIP}'), port: 53 },
  ];
  const mptcp = await cluster.exec('data', 'orders-db', ['cat', '/proc/sys/net/mptcp/enabled']);
  if (mptcp.stdout.trim() !== '1') process.stderr.write('  the kernel has no MPTCP here: it is not tried\n');
  else ways.push({ ...ways[0], way: 'mptcp' });
  const link = await linkLocal(stage);
  if (link === undefined) process.stderr.write('  no pod has an address of IPv6 here: it is not tried\n');
  else ways.push({ way: 'tcp', host: `${link}%eth0`, port: 5432 });
  return ways;
}

/** The database's address of IPv6 on the link that it shares with other pods of its node. */
async function linkLocal(stage: Stage): Promise<string | undefined> {
  const { stdout } = await stage.cluster.exec('data', 'orders-db', ['cat', '/proc/net/if_inet6']);
  const [, digits] = /^(fe80[0-9a-f]{28}) .* eth0$/m.exec(stdout) ?? [];
  return digits?.replaceAll(/(.{4})(?=.)/g, '$1:');
}

async function direct(stage: Stage, pod: string, { way, host, port }: Way, user = ''): Promise<string> {
  const { stdout, stderr } = await stage.agent(['python3', '-c', DIRECT, way, host, String(port), user], pod);
  return stdout.trim() || stderr;
}

/** The same from a debugging container that is root and may become another user; or what refuses it. */
async function debug(stage: Stage, { way, host, port }: Way): Promise<string> {
  const { cluster } = stage;
  // One that is there cannot be changed, so each is another.
  const names = await cluster.value('pod', BOT, 'agents', '{.spec.ephemeralContainers[*].name}');
  const there = names.split(' ').filter((name) => name !== '');
  const container = {
    name: `debug-${there.length}`,
    image: AGENT_IMAGE,
    imagePullPolicy: 'IfNotPresent',
    command: ['python3', '-c', DIRECT, way, host, String(port), GATE_USER],
    securityContext: {
      runAsUser: 0,
      runAsNonRoot: false,
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['NET_RAW'] },
    },
  };
  const patch = JSON.stringify({ spec: { ephemeralContainers: [container] } });
  const how = ['--subresource=ephemeralcontainers', '--type=strategic', '-p', patch];
  const made = await cluster.try(['patch', 'pod', BOT, '-n', 'agents', ...how]);
  if (made.code !== 0) return made.stderr;
  const path = `{.status.ephemeralContainerStatuses[?(@.name=="${container.name}")].state.terminated.exitCode}`;
  await cluster.until('it has ended', async () =>
    (await cluster.value('pod', BOT, 'agents', path)) === '' ? undefined : true,
  );
  return (await cluster.kubectl('logs', '-n', 'agents', BOT, '-c', container.name)).trim();
}

/** Installs with egress Locked, and puts everything back. */
async function whileLocked(stage: Stage, run: () => Promise<void>): Promise<void> {
  await stage.install(LOCKED);
  try {
    await run();
  } finally {
    for (const pod of [BOT, LISTED_BOT, FAILING_BOT, OPEN_BOT])
      await stage.deletePod(pod, 'agents', '--grace-period=0', '--force');
    await stage.install();
    await untilMade(stage, OPEN_BOT, 'sidegate');
    await stage.deletePod(OPEN_BOT, 'agents', '--grace-period=0', '--force');
    await enforce(stage, 'restricted');
  }
}

/** The Pod Security level that the agents' namespace enforces from now on. */
async function enforce(stage: Stage, level: 'privileged' | 'restricted'): Promise<void> {
  await stage.cluster.kubectl('label', 'namespace', 'agents', '--overwrite', `${LEVEL}=${level}`);
}

/** The namespace enforces "restricted", as the example has it: no pod is made there, and check says why. */
async function refusedByPodSecurity(stage: Stage): Promise<void> {
  await stage.cluster.until('Pod Security refuses the lock', async () => {
    const { code, stderr } = await stage.cluster.try(['apply', '-f', '-'], manifestOf(stage, BOT));
    if (code === 0) await stage.deletePod(BOT, 'agents', '--grace-period=0', '--force');
    return /violates PodSecurity "restricted.*sidegate-lock.*NET_ADMIN/s.test(stderr) ? true : undefined;
  });
  const { code, stdout } = await stage.sidegate('check');
  must(
    code === 1 && /^FAIL .*namespace agents: .*Pod Security level restricted.*sidegate-lock/m.test(stdout),
    'check does not say that no pod can be made',
    stdout,
  );
}

async function checkNamesOpenPods(stage: Stage): Promise<void> {
  const { stdout } = await stage.sidegate('check');
  must(
    new RegExp(
      `^warn .*namespace agents: egress is open in \\d+ of \\d+ pods: .*${AGENT}.*; make them again$`,
      'm',
    ).test(stdout) && !stdout.includes('Pod Security'),
    'check does not name the pod that was there before',
    stdout,
  );
}

/** What a network in the list changes: the database's pod is reached, and its Service is not. */
async function listed(stage: Stage): Promise<void> {
  const [pod, service] = await waysOf(stage);
  if (service === undefined) throw new Error('the database has no Service');
  await stage.install(LOCKED, `injection.egressAllowedCIDRs={${pod.host}/32}`);
  await untilMade(stage, LISTED_BOT, 'sidegate-lock', asIs, `${pod.host}/32`);
  const said = [await direct(stage, LISTED_BOT, pod), await direct(stage, LISTED_BOT, service)];
  must(said[0] === 'reached' && REFUSED.tcp.test(said[1] ?? ''), 'the list does not open what it names alone', said);
  must(await masks(stage, LISTED_BOT), 'the gate’s way does not work beside the list');
}

/** Starts an agent until the first of its init containers is that: what was installed is in force a moment later. */
async function untilMade(
  stage: Stage,
  pod: string,
  first: string,
  change: (manifest: string) => string = asIs,
  rule = '',
): Promise<void> {
  await stage.deletePod(pod, 'agents', '--grace-period=0', '--force');
  await stage.cluster.until(`${pod} is made with ${first}`, async () => {
    await stage.startAgent(pod, change);
    const { spec } = await stage.cluster.get('pod', pod, 'agents');
    const [own] = Object(spec).initContainers;
    if (own?.name === first && JSON.stringify(own).includes(rule)) return true;
    await stage.deletePod(pod, 'agents', '--grace-period=0', '--force');
    return undefined;
  });
}

/** Names another image, which has no nft, as Helm would: fields of another's would be in the way of the next upgrade. */
async function withLockImage(stage: Stage, image: string): Promise<void> {
  const name = 'sidegate-injection';
  const { apiVersion, kind, metadata, data } = await stage.cluster.get('configmap', name, SYSTEM);
  // The root is the operator's own.
  const { 'root.crt': _root, ...ours } = Object(data);
  const { labels } = Object(metadata);
  const body = {
    apiVersion,
    kind,
    metadata: { name, namespace: SYSTEM, labels },
    data: { ...ours, 'lock-image': image },
  };
  const how = ['--server-side', '--force-conflicts', '--field-manager=helm'];
  await stage.cluster.apply(JSON.stringify(body), ...how);
}

function manifestOf(stage: Stage, pod: string): string {
  const [, manifest = ''] = stage.example('agent').split('\n---\n');
  return manifest.replace('  name: support-bot\n', `  name: ${pod}\n`);
}

const asIs = (manifest: string): string => manifest;

/** An agent that listens and is probed by its kubelet: it is Ready only when what comes in is answered. */
function probed(manifest: string): string {
  const command = 'command: [python3, -m, http.server, "8080", --directory, /var/run/sidegate/trust]';
  const probe = 'readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1, timeoutSeconds: 10}';
  return manifest.replace('command: [sleep, infinity]', `${command}\n      ${probe}`);
}

/** An agent that is root, with what root has unless it is taken away. */
function asRoot(manifest: string): string {
  return manifest
    .replace('runAsNonRoot: true', 'runAsNonRoot: false')
    .replace('runAsUser: 1000', 'runAsUser: 0')
    .replace(/ +securityContext:\n +allowPrivilegeEscalation: false\n +capabilities:\n +drop: \[ALL\]\n?/, '');
}
