import { must } from '../case.ts';
import { AGENT, type Stage, SYSTEM } from '../cluster-stage.ts';

/** Whether the example's agent reads through its gate, masked. */
export async function masks(stage: Stage, pod = AGENT): Promise<boolean> {
  const { stdout } = await stage.psql('SELECT ssn FROM customers WHERE id = 1', pod);
  return stdout.trim() === '*******4399';
}

/** A rule that is made now binds the pod that runs; it is taken away again. Resolves to the seconds that it took to bind. */
export async function bindsNewRule(stage: Stage, pod = AGENT): Promise<number> {
  const began = Date.now();
  await stage.cluster.apply(stage.resource('no-orders'));
  await stage.cluster.until('the new rule binds', async () =>
    (await stage.psql('SELECT count(*) FROM orders', pod)).stderr.includes('closed today') ? true : undefined,
  );
  const seconds = (Date.now() - began) / 1000;
  await stage.cluster.kubectl('delete', 'policy', 'no-orders', '-n', 'data');
  await stage.cluster.until('orders are open again', async () => (await masks(stage, pod)) || undefined);
  return seconds;
}

/** Resolves when a statement of the pod with that text, which no other has, is in the store. */
export async function isRecorded(stage: Stage, text: string, pod = AGENT): Promise<void> {
  const { code, stderr } = await stage.psql(`SELECT 1 AS ${text} FROM orders LIMIT 1`, pod);
  must(code === 0, 'the statement fails', stderr);
  await stage.cluster.until(`${text} is in the store`, async () =>
    (await stage.store('search', text)).length > 0 ? true : undefined,
  );
}

/** Resolves when no pod of that component is left. */
export async function takeAway(stage: Stage, kind: 'deployment' | 'statefulset', component: string): Promise<void> {
  await stage.cluster.kubectl('scale', kind, `sidegate-${component}`, '-n', SYSTEM, '--replicas=0');
  const pods = ['get', 'pods', '-n', SYSTEM, '-l', `app.kubernetes.io/component=${component}`, '-o', 'name'];
  await stage.cluster.until(`no ${component} runs`, async () =>
    (await stage.cluster.kubectl(...pods)) === '' ? true : undefined,
  );
}

/** Resolves when as many operators are ready as the chart asks for. */
export async function bringBackOperator(stage: Stage): Promise<void> {
  await stage.cluster.kubectl('scale', 'deployment', 'sidegate-operator', '-n', SYSTEM, '--replicas=2');
  await stage.cluster.kubectl('-n', SYSTEM, 'rollout', 'status', 'deployment/sidegate-operator', '--timeout=180s');
}

/** The public half of the pod's own authority. */
export async function authority(stage: Stage): Promise<string> {
  return (await stage.agent(['cat', '/var/run/sidegate/trust/ca.pem'])).stdout;
}

/** Ends the gate's container as a crash does, past every guard: through the container runtime of the node. */
export async function killGate(stage: Stage, pod = AGENT, namespace = 'agents'): Promise<void> {
  const path = '{.status.initContainerStatuses[0].restartCount}';
  const before = Number(await stage.cluster.value('pod', pod, namespace, path));
  if (stage.node === undefined) throw new Error('the containers of this cluster are not ours to kill');
  const id = await stage.cluster.value('pod', pod, namespace, '{.status.initContainerStatuses[0].containerID}');
  stage.node.killContainer(id.replace('containerd://', ''));
  await stage.cluster.until('the kubelet starts it again', async () =>
    Number(await stage.cluster.value('pod', pod, namespace, path)) > before ? true : undefined,
  );
}

/** A statement every 50 ms on one connection that stays and, every tenth time, on a new one; each answer with its time into a file. */
const LOAD = `
import os, sys, time, psycopg
kept = psycopg.connect("", autocommit=True)
number = 0
out = open("/tmp/load", "w")
while not os.path.exists("/tmp/load-ends"):
    number += 1
    began = time.time()
    try:
        if number % 10 == 0:
            with psycopg.connect("", autocommit=True) as fresh:
                row = fresh.execute("SELECT ssn FROM customers WHERE id = 1").fetchone()
        else:
            row = kept.execute("SELECT ssn FROM customers WHERE id = 1").fetchone()
        word = "ok" if row[0] == "*******4399" else "CLEAR " + row[0]
    except psycopg.Error as error:
        word = "failed " + str(error).replace(chr(10), " ")
    print(word, file=out, flush=True)
    print("%.3f" % (time.time() - began), file=out, flush=True)
    time.sleep(0.05)
`;

export interface LoadOutcome {
  readonly statements: number;
  /** What was answered instead of a masked row, each once. */
  readonly wrong: readonly string[];
  readonly failed: number;
  readonly slowestSeconds: number;
}

/** Keeps an agent working while something else breaks. Resolves when it works. */
export async function startLoad(stage: Stage, pod = AGENT): Promise<() => Promise<LoadOutcome>> {
  await stage.agent(['rm', '-f', '/tmp/load', '/tmp/load-ends'], pod);
  const start = 'python3 -c "$1" </dev/null >/tmp/load-errors 2>&1 &';
  await stage.agent(['sh', '-c', start, 'load', LOAD], pod);
  await stage.cluster.until('the load runs', async () =>
    (await stage.agent(['grep', '-q', 'ok', '/tmp/load'], pod)).code === 0 ? true : undefined,
  );
  return async () => {
    await stage.agent(['touch', '/tmp/load-ends'], pod);
    const { stdout } = await stage.agent(['cat', '/tmp/load'], pod);
    const lines = stdout.trim().split('\n');
    const words = lines.filter((_, index) => index % 2 === 0);
    const seconds = lines.filter((_, index) => index % 2 === 1).map(Number);
    const wrong = words.filter((word) => word !== 'ok');
    const outcome = {
      statements: words.length,
      failed: wrong.length,
      wrong: [...new Set(wrong)],
      slowestSeconds: Math.max(...seconds),
    };
    process.stderr.write(`  load: ${JSON.stringify(outcome)}\n`);
    return outcome;
  };
}
