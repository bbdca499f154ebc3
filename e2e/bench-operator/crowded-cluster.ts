import { OperatorStage } from '../operator/operator-stage.ts';

/** Gates are spread over so many namespaces, each with an AgentAccess of its own. */
const NAMESPACES = 10;
/** Requests that are under way at the same time. */
const WIDTH = 16;
const RULES = 20;

const TARGET = {
  protocol: 'Postgres',
  host: 'orders-db.data.svc',
  port: 5432,
  credential: { secretRef: { name: 'orders-db-agent' } },
  allowedNamespaces: { from: 'All' },
};

/** Puts a Target, its Policy and `gates` pods with gates into the cluster; gives the token of each pod's gate. */
export async function fillCluster(stage: OperatorStage, gates: number): Promise<readonly string[]> {
  await stage.namespace('data');
  await stage.secret('data', 'orders-db-agent', { username: 'agent', password: 'first', hosts: 'orders-db.data.svc' });
  await stage.resource('Target', 'data', 'orders-db', TARGET);
  await changePolicy(stage, 'start');
  for (let at = 0; at < NAMESPACES; at += 1) {
    const namespace = `agents-${at}`;
    await stage.namespace(namespace, { 'sidegate.dev/injection': 'enabled' });
    await stage.serviceAccount(namespace, 'bot');
    await stage.resource('AgentAccess', namespace, 'bot', {
      podSelector: { matchLabels: { app: 'bot' } },
      identity: { source: 'Workload' },
      targetRefs: [{ namespace: 'data', name: 'orders-db' }],
    });
  }
  return inParallel(gates, WIDTH, async (at) => {
    const namespace = `agents-${at % NAMESPACES}`;
    const pod = `bot-${at}`;
    await stage.pod(namespace, pod, { labels: { app: 'bot' } });
    return stage.token(namespace, pod);
  });
}

/** Changes the Policy of all gates; the marker stands in it. */
export async function changePolicy(stage: OperatorStage, marker: string): Promise<void> {
  const rules = Array.from({ length: RULES }, (_, at) => ({
    name: `rule-${at}`,
    match: { postgres: { tables: [{ name: `public.table_${at}` }], statements: ['DELETE', 'UPDATE'] } },
    action: 'Deny',
    reason: `Not this one (${marker}).`,
  }));
  await stage.resource('Policy', 'data', 'guard', { rules });
}

/** The results in order, `width` at a time. */
export async function inParallel<T>(count: number, width: number, work: (at: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < count; at = next++) results[at] = await work(at);
  };
  await Promise.all(Array.from({ length: width }, worker));
  return results;
}
