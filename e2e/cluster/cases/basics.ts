import type { ClusterCase } from '../case.ts';
import { must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';

const MASKED = '1|Ada Lovelace|***********.com|*******4399';

interface PodSpec {
  readonly initContainers?: readonly { readonly name: string }[];
  readonly dnsPolicy?: string;
}

/** From `helm install` to a replayed record. */
export const BASIC_CASES: readonly ClusterCase[] = [
  {
    name: 'install',
    what: 'helm install brings up two operators and a store',
    run: async (stage) => {
      await stage.install();
      const ready = await stage.cluster.value('deployment', 'sidegate-operator', SYSTEM, '{.status.readyReplicas}');
      must(ready === '2', 'not two operators are ready', ready);
      await stage.cluster.until('the root is known', async () => {
        const root = await stage.cluster.value('configmap', 'sidegate-injection', SYSTEM, '{.data.root\\.crt}');
        return root.includes('BEGIN CERTIFICATE') ? root : undefined;
      });
    },
  },
  {
    name: 'helm-test',
    what: 'helm test passes',
    needs: ['install'],
    run: async (stage) => {
      await stage.helm('test', 'sidegate', '--timeout', '180s').catch(async (error: Error) => {
        const said = await stage.cluster
          .kubectl('logs', '-n', SYSTEM, 'sidegate-test')
          .catch((unread: Error) => unread.message);
        throw new Error(`${error.message}\nthe pod of helm test said:\n${said}`);
      });
    },
  },
  {
    name: 'resources',
    what: 'the example’s Target, AgentAccess and Policy are accepted',
    needs: ['install'],
    run: async (stage) => {
      await stage.cluster.apply(stage.example('namespaces'));
      await stage.startPostgres();
      for (const name of ['target', 'access', 'policy']) await stage.cluster.apply(stage.example(name));
      await stage.ready('target', 'orders-db', 'data');
      await stage.ready('policy', 'production-guardrails', 'data');
    },
  },
  {
    name: 'injected',
    what: 'a pod of a labelled namespace has its gate, by policy, and works under Pod Security "restricted"',
    needs: ['resources'],
    run: async (stage) => {
      await stage.deletePod(AGENT);
      await stage.startAgent();
      const { spec } = await stage.cluster.get('pod', AGENT, 'agents');
      const { initContainers, dnsPolicy }: PodSpec = Object(spec);
      must(initContainers?.[0]?.name === 'sidegate' && dnsPolicy === 'None', 'the pod has no gate', spec);
      await stage.ready('agentaccess', 'support-bot', 'agents');
    },
  },
  {
    name: 'allowed',
    what: 'psql reads through the gate under the name that it always used, with no credential of its own',
    needs: ['injected'],
    run: async (stage) => {
      const { code, stdout, stderr } = await stage.psql('SELECT count(*) FROM orders');
      must(code === 0 && stdout.trim() === '20', 'the answer is not 20', stdout + stderr);
    },
  },
  {
    name: 'masked',
    what: 'columns that a Policy masks arrive masked, in psql and in a driver',
    needs: ['injected'],
    run: async (stage) => {
      const { stdout, stderr } = await stage.psql('SELECT id, name, email, ssn FROM customers WHERE id = 1');
      must(stdout.trim() === MASKED, 'the row is not masked', stdout + stderr);
      const program = [
        'import psycopg',
        'with psycopg.connect("") as c:',
        ' print(*c.execute("SELECT id, name, email, ssn FROM customers WHERE id = %s", (1,)).fetchone(), sep="|")',
      ].join('\n');
      const driver = await stage.agent(['python3', '-c', program]);
      must(driver.stdout.trim() === MASKED, 'the driver’s row is not masked', driver.stdout + driver.stderr);
    },
  },
  {
    name: 'denied',
    what: 'a statement that a Policy denies is refused with its reason, and the server never sees it',
    needs: ['injected'],
    run: async (stage) => {
      const { code, stderr } = await stage.psql('DROP TABLE customers');
      must(code === 1 && stderr.includes('Schema changes go through migrations'), 'it was not refused', stderr);
      must(!(await stage.postgresLog()).includes('DROP TABLE'), 'the server saw it');
    },
  },
  {
    name: 'recorded',
    what: 'what was allowed and what was denied is in the central store, with the pod it came from',
    needs: ['allowed', 'denied'],
    run: async (stage) => {
      const commands = await stage.cluster.until('the records are in the store', async () => {
        const all = await stage.commands();
        const has = (text: string): boolean => JSON.stringify(all).includes(text);
        return has('count(*)') && has('DROP TABLE') ? all : undefined;
      });
      must(commands.length >= 2, 'commands are missing', commands);
      const sessions = JSON.stringify(await stage.store('sessions'));
      must(sessions.includes(AGENT) && sessions.includes('agents'), 'the sessions do not say their pod', sessions);
      must(!JSON.stringify(commands).includes('only-the-gate-knows'), 'a record holds the credential');
    },
  },
  {
    name: 'verified',
    what: 'a recorded session replays and its chain verifies',
    needs: ['recorded'],
    run: async (stage) => {
      const [session] = await stage.store('sessions');
      const id = String(session?.['sessionId']);
      const replayed = await stage.cluster.exec(SYSTEM, 'sidegate-store-0', ['sidegate', 'show', id]);
      must(replayed.code === 0 && replayed.stdout !== '', 'it does not replay', replayed);
      const verified = await stage.cluster.exec(SYSTEM, 'sidegate-store-0', ['sidegate', 'verify', id]);
      must(verified.code === 0, 'it does not verify', verified);
    },
  },
  {
    name: 'open-session',
    what: 'a policy change binds the next command of an open session',
    needs: ['injected'],
    run: changeInOpenSession,
  },
  {
    name: 'new-target',
    what: 'a Target that is made later works in a pod that runs',
    needs: ['injected'],
    run: async (stage) => {
      const target = stage.example('target').replaceAll('orders-db', 'reports-db');
      const service =
        'apiVersion: v1\nkind: Service\nmetadata: {name: reports-db, namespace: data}\nspec: {selector: {app: orders-db}, ports: [{port: 5432}]}\n';
      await stage.cluster.apply(service);
      await stage.cluster.apply(target);
      await stage.ready('target', 'reports-db', 'data');
      const refs = JSON.stringify({
        spec: { targetRefs: ['orders-db', 'reports-db'].map((name) => ({ namespace: 'data', name })) },
      });
      await stage.cluster.kubectl('patch', 'agentaccess', 'support-bot', '-n', 'agents', '--type=merge', '-p', refs);
      await stage.cluster.until('the new Target answers', async () => {
        const query = ['psql', '-qAt', '-h', 'reports-db.data.svc', '-c', 'SELECT count(*) FROM orders'];
        const { stdout } = await stage.agent(query);
        return stdout.trim() === '20' ? true : undefined;
      });
    },
  },
  {
    name: 'job',
    what: 'a Job’s pod completes without waiting out its grace period',
    needs: ['injected'],
    run: async (stage) => {
      await stage.cluster.kubectl('delete', 'job', 'support-job', '-n', 'agents', '--ignore-not-found');
      await stage.cluster.apply(stage.resource('job'));
      const began = Date.now();
      await stage.cluster.wait('agents', 'job/support-job', 'condition=Complete');
      // Its grace period is longer than any wait here may last.
      const { stdout } = await stage.cluster.try(['logs', '-n', 'agents', 'job/support-job', '-c', 'agent']);
      must(stdout.trim() === '20', 'the job did not read', `${stdout} after ${Date.now() - began} ms`);
    },
  },
];

/** psql stays connected and is told what to do through a pipe; the rule comes between two of its commands. */
async function changeInOpenSession(stage: Stage): Promise<void> {
  const program = [
    'import psycopg, time, os',
    'c = psycopg.connect("", autocommit=True)',
    'c.execute("SELECT 1 FROM orders")',
    'open("/tmp/opened", "w").close()',
    'for _ in range(1200):',
    '    try:',
    '        c.execute("SELECT count(*) FROM orders")',
    '    except psycopg.Error as e:',
    '        print("refused:", e, flush=True)',
    '        c.execute("SELECT 1")',
    '        print("the session goes on", flush=True)',
    '        break',
    '    time.sleep(0.1)',
  ].join('\n');
  const running = stage.agent(['python3', '-c', program]);
  await stage.cluster.until('the session is open', async () =>
    (await stage.agent(['test', '-e', '/tmp/opened'])).code === 0 ? true : undefined,
  );
  await stage.cluster.apply(stage.resource('no-orders'));
  const { stdout, stderr } = await running;
  await stage.cluster.kubectl('delete', 'policy', 'no-orders', '-n', 'data');
  must(stdout.includes('Orders are closed today') && stdout.includes('goes on'), 'it was not refused', stdout + stderr);
  await stage.cluster.until('orders are open again', async () =>
    (await stage.psql('SELECT count(*) FROM orders')).code === 0 ? true : undefined,
  );
}
