import './pod/runtime-flags.ts';
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { podDesk } from './config/approval-link.ts';
import type { ControlPhase } from './config/control-state.ts';
import { followControl } from './config/control-stream.ts';
import { LastKnownGood } from './config/last-known-good.ts';
import { MACHINE_CLOCK } from './config/machine-clock.ts';
import { readNameServer } from './dns/name-server.ts';
import { Resolver } from './dns/resolver.ts';
import { namesOfHost, readScope } from './dns/target-names.ts';
import { upstreamLookup } from './dns/upstream-lookup.ts';
import { LeasedBudgets } from './gate/leased-budgets.ts';
import { openGateProcess } from './gate-process.ts';
import { log } from './log.ts';
import { readPodOptions } from './pod/pod-options.ts';
import { steeredNames } from './pod/steering.ts';
import { serveOwner } from './relay/owner-socket.ts';
import { openTrust } from './relay/trust-folder.ts';

/** The rest of a pod's grace period is the kubelet's: records that wait for a store that is away are given up before it ends. */
const STOP_TIMEOUT_MS = 15_000;
const BIND_AGAIN_MS = 1_000;

const read = readPodOptions(process.argv.slice(2), process.env);
if (!read.ok) {
  log('Error', read.fault.message);
  process.exit(2);
}
const { control, store, upstreamDns, root, podUid, startClosed, dnsPort, ...place } = read.value;
const { stateFolder, spoolFolder, trustFolder, tokenFile, resolvConf } = place;
const nameServers = upstreamDns.flatMap((text) => readNameServer(text) ?? []);
if (nameServers.length < upstreamDns.length) {
  log('Error', 'an address of --upstream-dns cannot be read', { addresses: upstreamDns.join(',') });
  process.exit(2);
}

const stopped = new AbortController();
// A native sidecar is told to stop when every agent of its pod has ended: nobody is left to serve. As the first process of its container it
// would not hear that without listening, so it listens from the start.
let finish = (): Promise<void> => Promise.resolve(process.exit(0));
function end(): void {
  stopped.abort();
  void finish();
}
process.on('SIGTERM', end);
process.on('SIGINT', end);
const scope = readScope(await readFile(resolvConf, 'utf8').catch(() => ''));
const upstream = { servers: upstreamDns, scope };
const lookup = upstreamLookup(upstream);

// First of all: whoever has the port answers the names of every container in the pod.
const resolver = new Resolver({ host: '127.0.0.1', port: dnsPort, upstream: nameServers });
async function bindResolver(): Promise<void> {
  while (!stopped.signal.aborted) {
    const bound = await resolver.listen();
    if (bound.ok) {
      log('Info', 'names are answered', { port: resolver.port ?? 0 });
      return;
    }
    log('Error', bound.fault.message, { againMs: BIND_AGAIN_MS });
    await MACHINE_CLOCK.pause(BIND_AGAIN_MS, stopped.signal);
  }
}
void bindResolver();

const budgets = new LeasedBudgets({
  monotonicMs: () => performance.now(),
  pause: (ms) => pause(ms, undefined, { ref: false }),
  epoch: randomUUID(),
});
let phase: ControlPhase = 'Waiting';
let blocked: readonly string[] = [];

const { authority, hostKey } = await openTrust(stateFolder, trustFolder, Date.now);
const opened = await openGateProcess({
  gateId: podUid,
  spoolFolder: join(spoolFolder, 'records'),
  store: { url: store, tokenFile, authority: root, upstream },
  authority,
  sshHostKey: hostKey.pem,
  desk: podDesk(podUid),
  budgets,
  stopTimeoutMs: STOP_TIMEOUT_MS,
  figures: { rulesPhase: () => phase, doorsBlocked: () => blocked.length },
  surroundings: {
    lookup,
    namesOf: (host) => namesOfHost(host, scope),
    whenBlocked: 'LeaveOut',
    showHostKey: hostKey.show,
    doorsChanged(open, shut) {
      const doors = shut.map((door) => door.opened);
      blocked = doors.map(({ target: { spec } }) => `${spec.host}:${spec.port}`);
      resolver.steer(steeredNames(open, doors, scope));
      for (const { opened: door, fault } of shut) {
        const { host, port } = door.target.spec;
        log('Error', 'something else in the pod has the address of a Target', { host, port, why: fault.message });
      }
    },
  },
});
if (!opened.ok) {
  log('Error', opened.fault.message, { mend: opened.fault.mend ?? '' });
  process.exit(1);
}
const { program, desk, metrics, recording, version, stop } = opened.value;
finish = () => {
  resolver.close();
  return stop();
};

function whyNotStarted(): string | undefined {
  if (resolver.port === undefined) return 'the port of the name server cannot be had';
  return phase === 'Waiting' && !startClosed ? 'the operator has not sent rules yet, and none were kept' : undefined;
}

await serveOwner(join(stateFolder, 'gate.sock'), {
  '/started': () => Promise.resolve({ ok: whyNotStarted() === undefined, text: whyNotStarted() ?? 'started' }),
  '/metrics': async () => ({ ok: true, text: await metrics.render() }),
});

const kept = new LastKnownGood(stateFolder);
// With nothing kept there is no Target to steer to, and every other name must be found all the same.
if ((await kept.read()) === undefined) resolver.steer(new Map());

await followControl(
  {
    address: { url: control, authority: root, readToken: () => readFile(tokenFile, 'utf8'), lookup },
    program: version,
    clock: MACHINE_CLOCK,
    kept,
    desk,
    budgets,
    apply: (snapshot) => program.apply(snapshot),
    recording: () => recording.flowing,
    blocked: () => blocked,
    phaseChanged: (entered) => {
      phase = entered;
    },
    log,
  },
  stopped.signal,
);
