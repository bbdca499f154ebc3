import { randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { KubeConfig } from '@kubernetes/client-node';
import { describeFault } from '@sidegate/crds';
import { type ServingCertificate, serveControl } from './control/serve.ts';
import { type ApiClient, openApiClient } from './kube/api-client.ts';
import { BackOff } from './kube/back-off.ts';
import { LeaderElection } from './kube/lease.ts';
import { MACHINE_TIME } from './kube/timing.ts';
import { LEADER_LABEL, markLeader } from './leader-mark.ts';
import { log } from './log.ts';
import { readMaskKey } from './mask-key.ts';
import { Operator } from './operator.ts';
import { serveProbes } from './operator-metrics.ts';
import { readOptions, type StartOptions } from './operator-options.ts';

/** A certificate that was rotated is taken up within this time, in milliseconds. */
const CERTIFICATE_MS = 30_000;

const trouble = (what: string): void => log('Warning', what);
const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stop.abort());

const options = await readOptions(process.argv.slice(2), hostname());
if (options.ok) process.exitCode = await run(options.value, stop.signal);
else {
  log('Error', describeFault(options.fault));
  process.exitCode = 2;
}

async function run(start: StartOptions, signal: AbortSignal): Promise<number> {
  const client = openApiClient({ config: readKubeconfig(start.kubeconfig), timing: MACHINE_TIME });
  const maskKey = await keepTrying(() => readMaskKey(client, start.namespace, randomBytes, signal), signal);
  if (maskKey === undefined) return 0;
  const { configuration, identity, staleAfterSeconds, failClosedAfterSeconds } = start;
  const operator = new Operator({
    client,
    timing: MACHINE_TIME,
    settings: {
      operatorNamespace: configuration.operatorNamespace ?? start.namespace,
      issuers: configuration.issuers ?? [],
      maskKey,
    },
    namespace: start.namespace,
    terms: { staleAfterSeconds, failClosedAfterSeconds },
    identity,
    nonce: randomUUID,
    trouble,
  });
  const serving = await readCertificate(start);
  const control = await serveControl(operator.control.routes, { ...start.control, serving });
  const probes = await serveProbes(start.probes, {
    isLive: () => true,
    isReady: () => operator.isSynced,
    isLeading: () => operator.isLeading,
    gates: () => operator.control.size,
  });
  for (const listener of [control, probes]) {
    if (listener.ok) continue;
    log('Error', listener.fault.message);
    return 1;
  }
  if (!control.ok || !probes.ok) return 1;
  log('Info', 'the operator has started', { identity, control: control.value.port, probes: probes.value.port });
  void followCertificate(start, serving, (next) => control.value.replaceCertificate(next), signal);
  const election = new LeaderElection({
    client,
    timing: MACHINE_TIME,
    namespace: start.namespace,
    name: 'sidegate-operator',
    identity,
    trouble,
  });
  await Promise.all([operator.read(signal), election.run((leading) => lead(operator, client, start, leading), signal)]);
  await Promise.all([control.value.close(), probes.value.close()]);
  log('Info', 'the operator has ended', { identity });
  return 0;
}

async function lead(
  operator: Operator,
  client: ApiClient,
  { pod, namespace, identity }: StartOptions,
  leading: AbortSignal,
): Promise<void> {
  log('Info', 'this replica leads', { identity });
  const marked =
    pod === undefined ? undefined : markLeader({ client, timing: MACHINE_TIME, namespace, pod, trouble }, leading);
  await operator.lead(leading);
  await marked;
  log('Info', 'this replica leads no more', { identity, label: LEADER_LABEL });
}

function readKubeconfig(file: string | undefined): KubeConfig {
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  return config;
}

/** An API server that is not there yet is waited for. Undefined when the program is to end. */
async function keepTrying<T>(
  read: () => Promise<
    { readonly ok: true; readonly value: T } | { readonly ok: false; readonly fault: { readonly message: string } }
  >,
  signal: AbortSignal,
): Promise<T | undefined> {
  const backOff = new BackOff(500, 10_000, Math.random);
  while (!signal.aborted) {
    const found = await read();
    if (found.ok) return found.value;
    trouble(found.fault.message);
    await MACHINE_TIME.pause(backOff.next(), signal);
  }
  return undefined;
}

async function readCertificate({ certificateFile, keyFile }: StartOptions): Promise<ServingCertificate> {
  const [certificate, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
  return { certificate, key };
}

async function followCertificate(
  start: StartOptions,
  first: ServingCertificate,
  replace: (serving: ServingCertificate) => void,
  signal: AbortSignal,
): Promise<void> {
  let current = first;
  while (!signal.aborted) {
    await MACHINE_TIME.pause(CERTIFICATE_MS, signal);
    try {
      const next = await readCertificate(start);
      if (next.certificate === current.certificate && next.key === current.key) continue;
      // A pair that does not belong together throws here and is not taken: the files are written one after the other.
      replace(next);
      current = next;
      log('Info', 'the serving certificate was replaced');
    } catch (error) {
      trouble(
        `The serving certificate cannot be replaced: ${error instanceof Error ? error.message : 'unknown reason'}.`,
      );
    }
  }
}
