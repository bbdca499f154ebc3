import { randomBytes, randomUUID, webcrypto } from 'node:crypto';
import { hostname } from 'node:os';
import { KubeConfig } from '@kubernetes/client-node';
import { BackOff, describeFault } from '@sidegate/crds';
import { admissionRoutes } from './admission/admission-routes.ts';
import { serveAdmission } from './admission/admission-server.ts';
import { CertificateKeeper, OPERATOR_TLS_SECRET } from './certificates/certificate-keeper.ts';
import { ServingListener, type ServingListenerOptions } from './certificates/serving-listener.ts';
import { type ServingSource, servingFiles, servingSecret } from './certificates/serving-source.ts';
import { serveControl } from './control/serve.ts';
import { type ApiClient, openApiClient } from './kube/api-client.ts';
import { LeaderElection } from './kube/lease.ts';
import { MACHINE_TIME } from './kube/timing.ts';
import { clearMark, LEADER_LABEL, type LeaderMarkOptions, markLeader } from './leader-mark.ts';
import { log } from './log.ts';
import { readMaskKey } from './mask-key.ts';
import { Operator } from './operator.ts';
import { serveProbes } from './operator-metrics.ts';
import { readOptions, type StartOptions } from './operator-options.ts';

/** How long admission is served on after the program was told to end. */
const ADMISSION_GRACE_MS = 10_000;

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
    approvers: configuration.approvers,
    identity,
    nonce: randomUUID,
    trouble,
  });
  const stopping = new AbortController();
  const until = AbortSignal.any([signal, stopping.signal]);
  const serving = servingSource(start, client);
  const listen = (one: ServingListenerOptions['listen']): ServingListener =>
    new ServingListener({
      source: serving,
      timing: MACHINE_TIME,
      trouble,
      replaced: () => log('Info', 'the serving certificate was replaced'),
      listen: one,
      signal: until,
    });
  const control = listen((pair) => serveControl(operator.control.follow, { ...start.control, serving: pair }));
  const routes = admissionRoutes(operator.state);
  const admission = listen((pair) => serveAdmission(routes, { ...start.admission, serving: pair }));
  const probes = await serveProbes(start.probes, {
    isLive: () => true,
    isReady: () => operator.isSynced && control.isOpen && admission.isOpen && !signal.aborted,
    isLeading: () => operator.isLeading,
    gates: () => operator.control.size,
  });
  if (!probes.ok) {
    log('Error', probes.fault.message);
    return 1;
  }
  void Promise.all([control.opened, admission.opened]).then((faults) => {
    const fault = faults.find((one) => one !== undefined);
    if (fault === undefined) {
      const ports = { control: control.port, probes: probes.value.port, admission: admission.port };
      log('Info', 'the operator has started', { identity, ...ports });
      return;
    }
    log('Error', fault.message);
    stopping.abort();
  });
  const election = new LeaderElection({
    client,
    timing: MACHINE_TIME,
    namespace: start.namespace,
    name: 'sidegate-operator',
    identity,
    trouble,
  });
  const elected = async (): Promise<void> => {
    const mark = markOf(start, client);
    if (mark !== undefined) await clearMark(mark, until);
    await election.run((leading) => lead(operator, client, start, leading, until), until);
  };
  await Promise.all([operator.read(until), elected()]);
  // The API server goes on coming to a pod that ends for a while; outside of a cluster nobody does.
  if (start.pod !== undefined) await MACHINE_TIME.pause(ADMISSION_GRACE_MS, stopping.signal);
  await Promise.all([control.close(), admission.close(), probes.value.close()]);
  log('Info', 'the operator has ended', { identity });
  return stopping.signal.aborted ? 1 : 0;
}

function markOf({ pod, namespace }: StartOptions, client: ApiClient): LeaderMarkOptions | undefined {
  return pod === undefined ? undefined : { client, timing: MACHINE_TIME, namespace, pod, trouble };
}

async function lead(
  operator: Operator,
  client: ApiClient,
  start: StartOptions,
  leading: AbortSignal,
  until: AbortSignal,
): Promise<void> {
  const { identity } = start;
  const mark = markOf(start, client);
  log('Info', 'this replica leads', { identity });
  await Promise.all([
    operator.lead(leading),
    keepCertificates(client, start, leading),
    mark === undefined ? undefined : markLeader(mark, leading, until),
  ]);
  log('Info', 'this replica leads no more', { identity, label: LEADER_LABEL });
}

async function keepCertificates(
  client: ApiClient,
  { namespace, clusterDomain, certificates }: StartOptions,
  leading: AbortSignal,
): Promise<void> {
  if (certificates.kind === 'Files') return;
  const keeper = new CertificateKeeper({
    client,
    timing: MACHINE_TIME,
    crypto: webcrypto,
    namespace,
    clusterDomain,
    source: certificates.kind,
    extraNames: certificates.kind === 'SelfSigned' ? certificates.extraNames : [],
    tell: (what, facts) => log('Info', what, facts),
    trouble,
  });
  await keeper.run(leading);
}

function servingSource({ certificates, namespace }: StartOptions, client: ApiClient): ServingSource {
  return certificates.kind === 'Files'
    ? servingFiles(certificates.certificateFile, certificates.keyFile)
    : servingSecret({ client, namespace }, OPERATOR_TLS_SECRET);
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
