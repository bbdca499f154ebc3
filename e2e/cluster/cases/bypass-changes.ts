import type { Attempt, Bypass } from '../bypass/attempt.ts';
import { type Asked, BOTS, CREDENTIAL, type Fields, VICTIM } from '../bypass/ground.ts';
import { outcomeOf } from '../bypass/outcome.ts';
import { AGENT, DRY, fromFile, PODS } from '../bypass/pods.ts';
import { portForward } from '../bypass/port-forward.ts';
import { withoutClauses } from '../bypass/removal.ts';

const changing = (subresource: string, spec: Fields): Asked => ({
  method: 'PATCH',
  path: `${PODS}/${VICTIM}${subresource}`,
  query: DRY,
  contentType: 'application/strategic-merge-patch+json',
  body: { spec },
});

function change(what: string, subresource: string, spec: Fields, refusal: RegExp): Attempt {
  return { what, refusal, run: (ground) => ground.asks(changing(subresource, spec)) };
}

/** A container for debugging, added to the victim. */
const debug = (what: string, more: Fields, refusal: RegExp): Attempt =>
  change(what, '/ephemeralcontainers', { ephemeralContainers: [{ ...AGENT, name: 'debug', ...more }] }, refusal);

const mount = (name: string): Fields => ({ volumeMounts: [{ name, mountPath: '/data' }] });

function debugged(clause: string, what: string, ...attempts: readonly Attempt[]): Bypass {
  const refusedBy = `\`sidegate-debug/${clause}\``;
  return { name: `debug-${clause}`, what, refusedBy, attempts, without: withoutClauses(`sidegate-debug/${clause}`) };
}

function changed(name: string, guard: string, what: string, ...attempts: readonly Attempt[]): Bypass {
  return { name, what, refusedBy: `\`${guard}\``, attempts, without: withoutClauses(guard) };
}

const resized = (what: string): Attempt =>
  change(
    what,
    '/resize',
    { initContainers: [{ name: 'sidegate', resources: { requests: { cpu: '1m' } } }] },
    /resources of the container sidegate cannot be changed/,
  );

/** Prints whether what the gate keeps of its rules holds the credential; `argv` has it in two pieces. */
const READ_KEPT = [
  'const text = require("node:fs").readFileSync("/var/lib/sidegate/last-known-good.json", "utf8")',
  'console.log(text.includes(process.argv[1] + process.argv[2]) ? "found the credential" : "nothing")',
].join('\n');

const connection = (way: string): Asked => ({
  method: 'POST',
  path: `${PODS}/${VICTIM}/${way}`,
  query: { container: 'sidegate', stdout: 'true' },
});

/** What is done to a pod that is there. */
export const CHANGE_BYPASSES: readonly Bypass[] = [
  debugged(
    'processes',
    'a debugging container that sees the gate’s processes',
    debug('--target=sidegate', { targetContainerName: 'sidegate' }, /debug would see the gate’s processes/),
  ),
  debugged(
    'gate-volumes',
    'a debugging container with the gate’s volumes',
    ...['sidegate-gate', 'sidegate-state', 'sidegate-spool'].map((name) =>
      debug(`a mount of ${name}`, mount(name), /debug mounts a volume that is the gate’s alone/),
    ),
  ),
  debugged(
    'gate-files',
    'a debugging container with variables that the kubelet reads in the gate’s volumes',
    ...['sidegate-state', 'sidegate-spool'].map((name) =>
      debug(`fileKeyRef to ${name}`, { env: [fromFile(name)] }, /debug reads variables from a volume/),
    ),
  ),
  debugged(
    'trust',
    'a debugging container that writes what others trust',
    debug('a mount of sidegate-trust to write', mount('sidegate-trust'), /so that it can write/),
  ),
  debugged(
    'privileged',
    'a privileged debugging container',
    debug('privileged', { securityContext: { runAsUser: 1, privileged: true } }, /debug is privileged/),
  ),
  debugged(
    'capabilities',
    'a debugging container with capabilities',
    debug(
      'SYS_PTRACE, as kubectl debug --profile=general adds it',
      { securityContext: { runAsUser: 1, capabilities: { add: ['SYS_PTRACE'] } } },
      /debug adds capabilities/,
    ),
  ),
  debugged(
    'user-stated',
    'a debugging container of no stated user',
    debug('no runAsUser', { securityContext: {} }, /debug does not say which user/),
  ),
  debugged(
    'user',
    'a debugging container as the gate’s user',
    debug('runAsUser', { securityContext: { runAsUser: 64_732 } }, /debug runs as the gate’s own user/),
  ),
  changed(
    'image',
    'sidegate-pod-changes/image',
    'another image for a gate that runs',
    change(
      'a patch of the pod',
      '',
      { initContainers: [{ name: 'sidegate', image: AGENT['image'] }] },
      /image of the container sidegate cannot be changed/,
    ),
  ),
  changed('resize', 'sidegate-pod-changes/resources', 'a starved gate', resized('pods/resize')),
  changed(
    'resize-resource',
    'sidegate-pod-changes@pods/resize',
    'a starved gate, by the resource itself',
    resized('pods/resize'),
  ),
  changed('exec', 'sidegate-exec@pods/exec', 'a program in the gate', {
    what: 'kubectl exec that reads the credential in the gate',
    refusal: /Nobody runs programs in the container sidegate/,
    run: async (ground) => {
      const pieces = [CREDENTIAL.slice(0, 8), CREDENTIAL.slice(8)];
      const command = ['node', '-e', READ_KEPT, ...pieces];
      const ended = await ground.kubectl(['exec', '-n', BOTS, VICTIM, '-c', 'sidegate', '--', ...command]);
      return outcomeOf(ended, ended.stdout.includes('found the credential'));
    },
  }),
  changed('attach', 'sidegate-exec@pods/attach', 'the gate’s own streams', {
    what: 'pods/attach',
    refusal: /Nobody runs programs in the container sidegate, or in sidegate-lock, or attaches/,
    run: async (ground) => {
      const { said } = await ground.asks(connection('attach'));
      // Let through, the kubelet asks for a connection of another kind than this request is.
      return { succeeded: /upgrade/i.test(said), said };
    },
  }),
  changed('port-forward', 'sidegate-port-forward/right', 'a port of the pod on somebody’s machine', {
    what: 'kubectl port-forward',
    refusal: /RBAC verb portforward/,
    run: (ground) => portForward(ground),
  }),
];
