import { mkdir } from 'node:fs/promises';
import { flushCompileCache } from 'node:module';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { FromGate } from '@sidegate/crds';
import { openBudgetFile } from './config/budget-file.ts';
import { Budgets } from './gate/budgets.ts';
import { answerQuestion } from './gate-answers.ts';
import { openGateProcess } from './gate-process.ts';
import { isToGate } from './gate-program.ts';
import { log } from './log.ts';
import { serveOwner } from './relay/owner-socket.ts';
import { openTrust } from './relay/trust-folder.ts';

const STOP_TIMEOUT_MS = 5_000;

const { values } = parseArgs({
  options: {
    state: { type: 'string' },
    trust: { type: 'string' },
    'gate-id': { type: 'string' },
    store: { type: 'string' },
    'store-token-file': { type: 'string' },
    'metrics-socket': { type: 'string' },
  },
});
const { state, trust, store, 'store-token-file': storeTokenFile } = values;
if (state === undefined || trust === undefined || process.send === undefined) {
  log(
    'Error',
    'the gate is started by `sidegate run`, which gives it --state, --trust and a channel for its snapshots',
  );
  process.exit(2);
}

await mkdir(state, { recursive: true, mode: 0o700 });
const spent = openBudgetFile(state);
if (!spent.ok) {
  log('Error', spent.fault.message, { where: spent.fault.where ?? '', mend: spent.fault.mend ?? '' });
  process.exit(1);
}
const known = await openTrust(state, trust, Date.now).catch((error: unknown) => {
  log('Error', 'what agents know the gate by cannot be kept', { error: String(error) });
  process.exit(1);
});
const opened = await openGateProcess({
  gateId: values['gate-id'] ?? 'local',
  spoolFolder: join(state, 'spool'),
  store: store === undefined || storeTokenFile === undefined ? undefined : { url: store, tokenFile: storeTokenFile },
  authority: known.authority,
  sshHostKey: known.hostKey.pem,
  surroundings: { showHostKey: known.hostKey.show },
  budgets: new Budgets({ store: spent.value, nowMs: Date.now() }),
  stopTimeoutMs: STOP_TIMEOUT_MS,
});
if (!opened.ok) {
  log('Error', opened.fault.message, { mend: opened.fault.mend ?? '' });
  process.exit(1);
}
const { program, desk, metrics, stop } = opened.value;
if (values['metrics-socket'] !== undefined)
  await serveOwner(values['metrics-socket'], { '/metrics': async () => ({ ok: true, text: await metrics.render() }) });

function answer(message: FromGate): void {
  process.send?.(message);
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
