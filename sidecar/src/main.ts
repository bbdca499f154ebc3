import { randomBytes } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FromGate } from '@sidegate/crds';
import { openClock } from './clock.ts';
import { ApprovalDesk } from './gate/approval-desk.ts';
import { answerQuestion } from './gate-answers.ts';
import { authorityFile, GateProgram, isToGate } from './gate-program.ts';
import { readDocument } from './identity/document.ts';
import { openTokenVerifier } from './identity/token-verifier.ts';
import { readWorkloadToken } from './identity/workload-token.ts';
import { log } from './log.ts';
import { openGateMetrics } from './metrics/gate-metrics.ts';
import { openProtocols } from './protocols/index.ts';
import { createRecorder } from './recording.ts';
import { serveMetrics } from './relay/metrics-socket.ts';

/** How often sessions are looked through for tokens that have ended, in milliseconds; each command looks as well. */
const EXPIRY_INTERVAL_MS = 1_000;
/** How long a stopping gate waits for its records to reach the store, in milliseconds; the spool keeps what is left. */
const STOP_TIMEOUT_MS = 5_000;

const { values } = parseArgs({
  options: {
    state: { type: 'string' },
    'gate-id': { type: 'string' },
    store: { type: 'string' },
    'store-token-file': { type: 'string' },
    'metrics-socket': { type: 'string' },
  },
});
const { state, store, 'store-token-file': storeTokenFile } = values;
if (state === undefined || process.send === undefined) {
  log('Error', 'the gate is started by `sidegate run`, which gives it --state and a channel for its snapshots');
  process.exit(2);
}

const clock = openClock();

await mkdir(state, { recursive: true, mode: 0o700 });
const gateId = values['gate-id'] ?? 'local';
const gateVersion = '0.1.0';
const recorder = createRecorder({
  spoolFolder: join(state, 'spool'),
  gateId,
  store: store === undefined || storeTokenFile === undefined ? undefined : { url: store, tokenFile: storeTokenFile },
  nowUs: clock.nowUs,
  random: Math.random,
  notice: ({ kind, ...facts }) => log(kind === 'StoreReached' ? 'Info' : 'Warning', kind, facts),
});
if (!recorder.ok) {
  log('Error', recorder.fault.message, { mend: recorder.fault.mend ?? '' });
  process.exit(1);
}
const { protocols, shared } = await openProtocols();
const desk = new ApprovalDesk({
  nowMs: clock.nowMs,
  setTimer: (ms, act) => {
    const timer = setTimeout(act, ms);
    return () => clearTimeout(timer);
  },
  random: (bytes) => randomBytes(bytes),
});
const metrics = openGateMetrics(
  () => program.gate.sessions.size,
  () => desk.pendingCount,
);
const program: GateProgram = new GateProgram({
  gateId,
  gateVersion,
  recorder: recorder.value,
  protocols,
  shared,
  openVerifier: (issuers) => openTokenVerifier(issuers, readDocument, clock.nowMs),
  readWorkloadToken,
  desk,
  nowUs: clock.nowUs,
  observe: metrics,
  log,
  random: (bytes) => randomBytes(bytes),
  publishAuthority: (certificate) => writeFile(authorityFile(state), certificate),
});
if (values['metrics-socket'] !== undefined) await serveMetrics(values['metrics-socket'], () => metrics.render());

setInterval(() => {
  clock.follow();
  program.gate.tick();
}, EXPIRY_INTERVAL_MS).unref();

function answer(message: FromGate): void {
  process.send?.(message);
}

let stopping = false;
async function stop(): Promise<void> {
  if (stopping) return;
  stopping = true;
  program.stop();
  if (recorder.ok) await recorder.value.close(AbortSignal.timeout(STOP_TIMEOUT_MS));
  process.exit(0);
}

process.on('message', (message) => {
  if (!isToGate(message)) return;
  if (message.kind === 'Stop') {
    void stop();
    return;
  }
  if (message.kind === 'Question') {
    const { id, question } = message;
    const asked = { gate: program.gate, desk, renderMetrics: () => metrics.render() };
    void answerQuestion(question, asked).then((given) => answer({ kind: 'Answer', id, answer: given }));
    return;
  }
  void program.apply(message.snapshot).then((reply) => {
    // A gate that is killed writes nothing: what it compiled is kept now, for the next one. It costs nothing when it is kept already.
    flushCompileCache();
    answer(reply);
  });
});
// Without whoever gave the rules there is nobody to change them: the gate on one machine ends with its supervisor.
process.on('disconnect', () => void stop());
process.on('SIGTERM', () => void stop());
process.on('SIGINT', () => void stop());
