import { Agent, request } from 'node:https';

/** A pod as an API server asks about it, of the size that pods have. */
function reviewOf(at: number): string {
  const env = Array.from({ length: 20 }, (_, index) => ({ name: `SETTING_${index}`, value: 'x'.repeat(40) }));
  const container = (name: string): object => ({
    name,
    image: `agent.test/${name}:1`,
    env,
    securityContext: { runAsUser: 1000, allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  });
  const object = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `bot-${at}`, namespace: 'agents-0', labels: { app: 'bot' } },
    spec: { serviceAccountName: 'bot', containers: [container('agent'), container('tools')] },
  };
  return JSON.stringify({
    apiVersion: 'admission.k8s.io/v1',
    kind: 'AdmissionReview',
    request: { uid: String(at), operation: 'CREATE', namespace: 'agents-0', object, userInfo: { username: 'bench' } },
  });
}

export interface AdmissionLoad {
  /** Milliseconds of each answer. */
  readonly tookMs: readonly number[];
  /** Pods that were not let in, which none should be. */
  readonly refused: number;
}

/** Asks the webhook about `perSecond` pods a second, whatever the answers take, on kept connections as an API server does. */
export async function admit(
  url: string,
  authority: string,
  perSecond: number,
  seconds: number,
): Promise<AdmissionLoad> {
  const agent = new Agent({ keepAlive: true, ca: authority });
  const startMs = performance.now();
  let refused = 0;
  const one = async (at: number): Promise<number> => {
    const dueMs = startMs + (at * 1000) / perSecond;
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, dueMs - performance.now())));
    // From when it was due: a late start is a wait, too.
    const text = await post(`${url}/mutate/pods`, agent, reviewOf(at));
    if (!text.includes('"allowed":true')) refused += 1;
    return performance.now() - dueMs;
  };
  const tookMs = await Promise.all(Array.from({ length: perSecond * seconds }, (_, at) => one(at)));
  agent.destroy();
  return { tookMs, refused };
}

function post(url: string, agent: Agent, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const outgoing = request(url, { method: 'POST', agent, headers }, (incoming) => {
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
      incoming.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
