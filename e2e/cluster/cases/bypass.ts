import { BYPASS, type Bypass, bypassCase, GROUND, isRefused, succeeds } from '../bypass/attempt.ts';
import { BOTS, Ground, HOLDER, VICTIM } from '../bypass/ground.ts';
import { agentWith, ran } from '../bypass/pods.ts';
import { type ClusterCase, must } from '../case.ts';
import { APPROVAL_BYPASSES } from './bypass-approvals.ts';
import { CHANGE_BYPASSES } from './bypass-changes.ts';
import { CREDENTIAL_BYPASSES } from './bypass-credential.ts';
import { DEBUG_BYPASSES } from './bypass-debug.ts';
import { INJECTION_BYPASSES } from './bypass-injection.ts';
import { LOOPBACK_BYPASSES } from './bypass-loopback.ts';
import { POD_BYPASSES } from './bypass-pods.ts';
import { RIGHT_BYPASSES } from './bypass-rights.ts';
import { SERVICE_BYPASSES } from './bypass-services.ts';
import { SQUATTING_BYPASSES } from './bypass-squatting.ts';
import { bringBackOperator, takeAway } from './disturbance.ts';

/** Every way round the gate that is known, by what it goes for. */
export const BYPASSES: Readonly<Record<string, readonly Bypass[]>> = {
  'A pod as it is made': POD_BYPASSES,
  'What injection puts right': INJECTION_BYPASSES,
  'A pod that is there': [...CHANGE_BYPASSES, ...DEBUG_BYPASSES],
  'Rights that open the others': RIGHT_BYPASSES,
  'The credential': CREDENTIAL_BYPASSES,
  'Operator and store': SERVICE_BYPASSES,
  Approvals: APPROVAL_BYPASSES,
  'What agents and gate share': [...LOOPBACK_BYPASSES, ...SQUATTING_BYPASSES],
};

const PODS = [VICTIM, HOLDER];

const prepared: ClusterCase = {
  name: GROUND,
  group: BYPASS,
  what: 'a namespace with no other protection, a pod whose agent is root, and somebody who administers both',
  needs: ['resources'],
  run: async (stage) => {
    for (const pod of PODS) await stage.deletePod(pod, BOTS, '--grace-period=0', '--force');
    await stage.cluster.apply(stage.resource('bots'));
    await stage.ready('target', 'bots-db', 'data');
    for (const pod of PODS) await stage.cluster.wait(BOTS, `pod/${pod}`, 'condition=Ready');
    await stage.cluster.until('the victim reads', async () => {
      const { code, stdout, stderr } = await new Ground(stage).inAgent([
        'psql',
        '-qAtc',
        'SELECT count(*) FROM orders',
      ]);
      must(code === 0 && stdout.trim() === '20', 'the answer is not 20', stdout + stderr);
      return true;
    });
  },
};

/** Not refused, but easily broken. */
const variable: ClusterCase = {
  name: `${BYPASS}-variable`,
  group: BYPASS,
  what: 'a container that sets one of our variables by valueFrom starts, and has its own value',
  needs: [GROUND],
  run: async (stage) => {
    const valueFrom = { secretKeyRef: { name: 'given-login', key: 'file' } };
    const env = [
      { name: 'PGSSLROOTCERT', valueFrom },
      { name: 'AFTER', value: '$(PGSSLROOTCERT)/after' },
    ];
    const command = ['sh', '-c', 'echo $PGSSLROOTCERT $AFTER $SSL_CERT_FILE'];
    const expected = /^\/own\.pem \/own\.pem\/after \/var\/run\/sidegate\/trust\/bundle\.pem$/m;
    const { succeeded, said } = await ran(new Ground(stage), 'variable', agentWith({ command, env }), {
      matches: expected,
    });
    must(succeeded, 'it has other values', said);
  },
};

/** The judge of pods is no process of ours. */
const alone: ClusterCase = {
  name: `${BYPASS}-alone`,
  group: BYPASS,
  what: 'with no operator everything that is refused of pods is refused as before',
  needs: [GROUND],
  run: async (stage) => {
    await takeAway(stage, 'deployment', 'operator');
    try {
      const ground = new Ground(stage);
      for (const bypass of [...POD_BYPASSES, ...CHANGE_BYPASSES, ...RIGHT_BYPASSES])
        for (const attempt of bypass.attempts) await isRefused(ground, attempt);
      const [one] = POD_BYPASSES;
      if (one?.without === undefined) throw new Error('there is no guard to take away');
      await using _away = await one.without.take(ground);
      for (const attempt of one.attempts) await succeeds(ground, attempt, one.without.what);
    } finally {
      await bringBackOperator(stage);
    }
  },
};

/** Each is refused, and succeeds without its guard. */
export const BYPASS_CASES: readonly ClusterCase[] = [
  prepared,
  ...Object.values(BYPASSES).flat().map(bypassCase),
  variable,
  alone,
];

/** The names of those that start pod after pod, or stop something. */
const SLOW = new Set(
  [...INJECTION_BYPASSES, ...DEBUG_BYPASSES, ...SQUATTING_BYPASSES]
    .map(bypassCase)
    .concat(variable, alone)
    .map(({ name }) => name),
);

/** They are not tried with every change. */
export const SLOW_BYPASS_CASES: readonly ClusterCase[] = BYPASS_CASES.filter(({ name }) => SLOW.has(name));
