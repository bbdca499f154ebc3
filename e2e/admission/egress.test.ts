import { afterAll, test as always, beforeAll, describe, expect, jest } from '@jest/globals';
import { ok } from '@sidegate/crds';
import type { AdmissionServer } from '../../operator/src/admission/admission-server.ts';
import { mutatePods } from '../../operator/src/admission/mutate-pods.ts';
import { gateTemplate } from '../../operator/src/injection/gate-template.ts';
import { guardPolicies } from '../../operator/src/injection/guard-policies.ts';
import { injectPod } from '../../operator/src/injection/inject-pod.ts';
import { checkInjection } from '../../operator/src/injection/injection-check.ts';
import { mutatingPolicies } from '../../operator/src/injection/mutating-policy.ts';
import type { Container, Pod } from '../../operator/src/kinds.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { testGiven } from '../support/test-given.ts';
import {
  AdmissionStage,
  AGENTS,
  eventually,
  LOCKED_KEYS,
  lockedSettings,
  type Manifest,
  SETTINGS,
} from './admission-stage.ts';
import { BARE } from './pod-cases.ts';
import { AGENT, PODS, podOf } from './pods.ts';
import { installWebhook } from './webhook-installation.ts';

jest.setTimeout(600_000);

const programs = builtPrograms();
const test = testGiven(
  programs,
  'locked egress on a real API server: its programs are not built (npm run cluster -- up)',
);

/** The webhook works here, the policies in the labelled namespaces. */
const HOOKED = 'hooked';
/** Mutations need their own label, so that a pod comes to this one as somebody made it up. */
const UNTOUCHED = { 'sidegate.dev/injection': 'enabled', untouched: 'true' };

let stage: AdmissionStage;
let webhook: AdmissionServer;
let template = gateTemplate(lockedSettings());

beforeAll(async () => {
  if (programs === undefined) return;
  stage = await AdmissionStage.start(programs);
  for (const [name, labels] of [
    [HOOKED, UNTOUCHED],
    [BARE, UNTOUCHED],
  ] as const) {
    await stage.namespace(name, labels);
    await stage.serviceAccount(name, 'default');
  }
  await stage.settings(SETTINGS, LOCKED_KEYS);
  await stage.policies([...mutatingOthers(), ...guards()]);
  webhook = await installWebhook(
    stage,
    HOOKED,
    mutatePods({ template: () => ok(template), annotationsOf: () => undefined }),
  );
  await becomes(podOf(), /^let in$/);
  await becomes(podOf({}, 'pod', HOOKED), /^let in$/);
  await becomes(podOf({}, 'pod', BARE), /ValidatingAdmissionPolicy 'sidegate-pods'/);
});

afterAll(async () => {
  if (programs === undefined) return;
  await webhook.close(0);
  await stage.end();
});

function guards(without: readonly string[] = []): readonly Manifest[] {
  return guardPolicies(new Set(without)) as readonly Manifest[];
}

/** The mutating policies, but not for pods of {@link BARE}. */
function mutatingOthers(): readonly Manifest[] {
  return (mutatingPolicies() as readonly Manifest[]).map((object) => {
    if (!object.kind.endsWith('Binding')) return object;
    const spec = Object(object['spec']);
    const matchExpressions = [{ key: 'untouched', operator: 'DoesNotExist' }];
    const namespaceSelector = { ...spec.matchResources.namespaceSelector, matchExpressions };
    return { ...object, spec: { ...spec, matchResources: { namespaceSelector } } };
  });
}

/** What became of a pod: `let in` when it has its gate and its lock. */
async function verdict(pod: Manifest): Promise<string> {
  const answer = await stage.create(pod);
  if (!answer.ok) return answer.fault.message;
  const checked = checkInjection(answer.value as Pod, template);
  return checked.ok ? 'let in' : `let in, but: ${checked.fault.message}`;
}

async function becomes(pod: Manifest, pattern: RegExp): Promise<void> {
  let last = '';
  await eventually(
    async () => {
      last = await verdict(pod);
      return pattern.test(last) ? true : undefined;
    },
    () => last,
  );
}

async function specOf(pod: Manifest): Promise<Pod['spec']> {
  const answer = await stage.create(pod);
  if (!answer.ok) throw new Error(answer.fault.message);
  const text = JSON.stringify((answer.value as Pod).spec);
  return Object(JSON.parse(text.replaceAll(`"${pod.metadata.namespace ?? ''}.svc.`, '"NAMESPACE.svc.')));
}

describe('policy and webhook make the same locked pod, which the guards let in', () => {
  test.each(Object.entries(PODS))('%s', async (_, spec) => {
    const made = await specOf(podOf(spec));
    expect(made).toEqual(await specOf(podOf(spec, 'pod', HOOKED)));
    expect(made.initContainers?.slice(0, 2).map(({ name }) => name)).toEqual(['sidegate-lock', 'sidegate']);
    for (const { name, securityContext } of [...(made.initContainers ?? []), ...made.containers]) {
      const { add = [], drop = [] } = securityContext?.capabilities ?? {};
      expect([name, add]).toEqual([name, name === 'sidegate-lock' ? ['NET_ADMIN'] : []]);
      expect(drop.includes('ALL') || (drop.includes('SETUID') && drop.includes('NET_RAW'))).toBe(true);
      expect([name, securityContext?.allowPrivilegeEscalation]).toEqual([name, false]);
    }
    expect(await verdict(podOf(spec))).toBe('let in');
  });
});

/** The API server hears of it twice: as it makes pods and as it judges them. Until it has, it refuses what it made. */
async function allow(cidrs: string): Promise<void> {
  const keys = { ...LOCKED_KEYS, 'egress-allowed-cidrs': cidrs };
  template = gateTemplate(lockedSettings(keys));
  await stage.settings(SETTINGS, keys);
  await becomes(podOf(), /^let in$/);
}

test('networks that are allowed stand in the rules, and none where there are none', async () => {
  const rules = async (): Promise<readonly unknown[]> =>
    (await specOf(podOf())).initContainers?.[0]?.['args'] as readonly unknown[];
  expect(await rules()).toEqual(
    expect.arrayContaining([
      'ip daddr { 192.0.2.0/24, 198.51.100.7/32 } accept;',
      'ip6 daddr { 2001:db8::/32 } accept;',
    ]),
  );
  try {
    for (const [cidrs, count] of [
      ['', 0],
      ['192.0.2.0/24', 1],
      ['2001:db8::/32', 1],
    ] as const) {
      await allow(cidrs);
      expect((await rules()).filter((one) => /daddr/.test(String(one)))).toHaveLength(count);
      expect(await specOf(podOf())).toEqual(await specOf(podOf({}, 'pod', HOOKED)));
    }
  } finally {
    await allow(LOCKED_KEYS['egress-allowed-cidrs']);
  }
});

test('a debugging container of a locked pod can change its user no more than an agent', async () => {
  const seen: unknown[] = [];
  for (const namespace of [AGENTS, HOOKED]) {
    const made = await stage.create(podOf({}, 'debugged', namespace), { dry: false });
    if (!made.ok) throw new Error(made.fault.message);
    const answer = await stage.ask({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/pods/debugged/ephemeralcontainers`,
      contentType: 'application/strategic-merge-patch+json',
      body: { spec: { ephemeralContainers: [{ name: 'debug', image: 'busybox', securityContext: { runAsUser: 0 } }] } },
    });
    if (!answer.ok) throw new Error(answer.fault.message);
    seen.push((answer.value as Pod).spec.ephemeralContainers?.[0]?.securityContext);
  }
  expect(seen[0]).toEqual(seen[1]);
  expect(seen[0]).toEqual({
    runAsUser: 0,
    capabilities: { drop: ['NET_RAW', 'SETUID'] },
    allowPrivilegeEscalation: false,
  });
});

const LOCKED_POD = injectPod(podOf({}, 'pod', BARE) as unknown as Pod, gateTemplate(lockedSettings()), {
  name: BARE,
  keepsTokens: false,
});
const VOLUMES = LOCKED_POD.spec.volumes ?? [];
const [LOCK = { name: '' }, GATE = { name: '' }] = LOCKED_POD.spec.initContainers ?? [];
const INJECTED = LOCKED_POD.spec.containers[0] ?? { name: '' };
const made = (spec: object): Manifest =>
  ({ ...LOCKED_POD, metadata: { name: 'pod', namespace: BARE }, spec: { ...LOCKED_POD.spec, ...spec } }) as Manifest;
const withLock = (change: Partial<Container>): object => ({ initContainers: [{ ...LOCK, ...change }, GATE] });
const secured = (change: object): object => withLock({ securityContext: { ...LOCK.securityContext, ...change } });
const agent = (securityContext: object): object => ({ containers: [{ ...INJECTED, securityContext }] });
const [FIRST_RULE = '', ...RULES] = LOCK['args'] as readonly string[];

interface LockCase {
  /** Clauses of sidegate-pods that refuse it. */
  readonly guards: readonly string[];
  readonly attack: object;
  /** Nearly the same, and let through. */
  readonly neighbour: object;
  readonly shows: RegExp;
}

const changed = (attack: object, shows: RegExp, neighbour: object = {}): LockCase => ({
  guards: ['lock'],
  attack,
  neighbour,
  shows,
});

const CASES: Readonly<Record<string, LockCase>> = {
  'no lock': changed({ initContainers: [GATE] }, /Egress is Locked, and the first init container is not sidegate-lock/),
  'a lock after the gate': {
    guards: ['lock', 'one-gate'],
    attack: { initContainers: [GATE, LOCK] },
    neighbour: { initContainers: [LOCK, GATE, { ...INJECTED, name: 'second' }] },
    shows: /first init container/,
  },
  'an agent before the lock': {
    guards: ['lock', 'one-gate', 'gate'],
    attack: { initContainers: [{ ...INJECTED, name: 'first' }, LOCK, GATE] },
    neighbour: {},
    shows: /first init container/,
  },
  'an agent between lock and gate': {
    guards: ['one-gate', 'gate'],
    attack: { initContainers: [LOCK, { ...INJECTED, name: 'first' }, GATE] },
    neighbour: {},
    shows: /first init container/,
  },
  'another image': changed(
    withLock({ image: 'own.test/lock:1' }),
    /injected: image\./,
    withLock({ imagePullPolicy: 'Always' }),
  ),
  'another program': changed(withLock({ command: ['sh'] }), /injected: command\./),
  'no rules': changed(withLock({ args: ['list', 'ruleset'] }), /injected: args\./),
  'one more rule': changed(withLock({ args: [FIRST_RULE, ...RULES, 'flush ruleset'] }), /injected: args\./),
  'another allowed network': changed(
    withLock({ args: [FIRST_RULE, ...RULES].map((one) => one.replace('192.0.2.0/24', '0.0.0.0/0')) }),
    /injected: args\./,
  ),
  'one more capability': changed(
    secured({ capabilities: { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } }),
    /injected: securityContext\./,
  ),
  'all other capabilities': changed(secured({ capabilities: { add: ['NET_ADMIN'] } }), /securityContext/),
  'a lock that is privileged': changed(
    secured({ privileged: true, allowPrivilegeEscalation: true }),
    /securityContext/,
  ),
  'a lock that may write': changed(secured({ readOnlyRootFilesystem: false }), /securityContext/),
  'a lock without seccomp': changed(secured({ seccompProfile: { type: 'Unconfined' } }), /securityContext/),
  'a lock as another user': changed(secured({ runAsUser: 1000 }), /securityContext/),
  'a lock that goes on': changed(withLock({ restartPolicy: 'Always' }), /restartPolicy/),
  'variables for the lock': changed(
    withLock({ env: [{ name: 'LD_PRELOAD', value: '/x' }] }),
    /env/,
    withLock({ resources: {} }),
  ),
  'files for the lock': changed(
    withLock({ volumeMounts: [{ name: 'sidegate-trust', mountPath: '/usr/sbin' }] }),
    /volumeMounts/,
  ),
  'an agent that may become another user': {
    guards: ['change-user'],
    attack: agent({ runAsUser: 0, capabilities: { drop: ['NET_RAW'] }, allowPrivilegeEscalation: false }),
    neighbour: agent({ runAsUser: 0, capabilities: { drop: ['NET_RAW', 'SETUID'] }, allowPrivilegeEscalation: false }),
    shows: /agent keeps the capability SETUID/,
  },
  'an agent that runs set-user-ID programs': {
    guards: ['escalation'],
    attack: agent({ runAsUser: 1000, capabilities: { drop: ['ALL'] }, allowPrivilegeEscalation: true }),
    neighbour: agent({ runAsUser: 1000, capabilities: { drop: ['ALL'] }, allowPrivilegeEscalation: false }),
    shows: /agent allows privilege escalation/,
  },
  'an agent that says nothing about it': {
    guards: ['escalation'],
    attack: agent({ runAsUser: 1000, capabilities: { drop: ['ALL'] } }),
    neighbour: {},
    shows: /agent allows privilege escalation/,
  },
  'a volume that the node mounts from elsewhere': {
    guards: ['outlets'],
    attack: { volumes: [...VOLUMES, { name: 'out', nfs: { server: '192.0.2.1', path: '/' } }] },
    neighbour: { volumes: [...VOLUMES, { name: 'own', persistentVolumeClaim: { claimName: 'own' } }] },
    shows: /Egress is Locked, and a volume is mounted by the node/,
  },
  'an agent with the lock’s capability': {
    guards: ['capabilities'],
    attack: agent({
      runAsUser: 1000,
      capabilities: { add: ['NET_ADMIN'], drop: ['ALL'] },
      allowPrivilegeEscalation: false,
    }),
    neighbour: {},
    shows: /agent adds capabilities/,
  },
};

describe('the check before a credential is released says the same', () => {
  always.each(Object.entries(CASES))('%s', (_, { attack, neighbour }) => {
    const check = (spec: object): boolean =>
      checkInjection(made(spec) as unknown as Pod, gateTemplate(lockedSettings())).ok;
    expect([check(attack), check(neighbour)]).toEqual([false, true]);
  });
});

describe('refused, and the neighbour passes', () => {
  test.each(Object.entries(CASES))('%s', async (_, { attack, neighbour, shows }) => {
    const said = await verdict(made(attack));
    expect(said).toContain("ValidatingAdmissionPolicy 'sidegate-pods'");
    expect(said).toMatch(shows);
    expect(await verdict(made(neighbour))).toBe('let in');
  });
});

describe('without the guard it passes', () => {
  const groups = [...new Set(Object.values(CASES).map((one) => one.guards.join(' ')))];
  test.each(groups)('%s', async (group) => {
    await stage.policies(guards(group.split(' ').map((clause) => `sidegate-pods/${clause}`)));
    for (const one of Object.values(CASES).filter((other) => other.guards.join(' ') === group))
      await becomes(made(one.attack), /^let in/);
  });
});

test('a pod that asks for privilege escalation is told no, by policy and by webhook', async () => {
  await stage.policies(guards());
  const asking = { containers: [{ ...AGENT, securityContext: { runAsUser: 1000, allowPrivilegeEscalation: true } }] };
  await becomes(podOf(asking), /agent allows privilege escalation, and the pod is locked/);
  expect(await verdict(podOf(asking, 'pod', HOOKED))).toMatch(
    /agent allows privilege escalation, and the pod is locked/,
  );
});

test.each([
  ['a word that is neither', { egress: 'locked' }, 'egress'],
  ['no image for the lock', { ...LOCKED_KEYS, 'lock-image': '' }, 'lock-image'],
  ['a network that is none', { ...LOCKED_KEYS, 'egress-allowed-cidrs': '192.0.2.0/24,ten' }, 'egress-allowed-cidrs'],
  ['an address that is no network', { 'egress-allowed-cidrs': '192.0.2.1' }, 'egress-allowed-cidrs'],
])('%s in the settings refuses every pod', async (_, keys, named) => {
  await stage.settings(SETTINGS, keys);
  await becomes(podOf(), new RegExp(`nothing that can be, for ${named}\\.`));
});

test('where egress is open there is no lock, and a pod with one is refused', async () => {
  await stage.settings(SETTINGS, { egress: 'Open' });
  template = gateTemplate(SETTINGS);
  await becomes(podOf(), /^let in$/);
  const { initContainers, containers } = await specOf(podOf());
  expect(initContainers?.map(({ name }) => name)).toEqual(['sidegate']);
  expect(containers[0]?.securityContext).toEqual({ runAsUser: 1000, capabilities: { drop: ['NET_RAW'] } });
  expect(await verdict(made({}))).toMatch(/The container sidegate-lock is not the one that is injected/);
});
