import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import { ok, type Result } from '@sidegate/crds';
import { type Clock, openClock } from './clock.ts';
import { ApprovalDesk, type ApprovalDeskOptions } from './gate/approval-desk.ts';
import type { BudgetBook } from './gate/budget-book.ts';
import { heldBytesMax } from './gate/held-bytes.ts';
import { GateProgram, type GateSurroundings } from './gate-program.ts';
import { openReadDocument } from './identity/document.ts';
import { openTokenVerifier } from './identity/token-verifier.ts';
import { readWorkloadToken } from './identity/workload-token.ts';
import { log } from './log.ts';
import { type GateFigures, type GateMetrics, openGateMetrics } from './metrics/gate-metrics.ts';
import { openProtocols } from './protocols/index.ts';
import { createRecorder, type RecorderOptions, type StoreAddress } from './recording.ts';
import { RecordingHealth } from './recording-health.ts';
import type { AgentAuthority } from './relay/agent-certificate.ts';
import type { SpoolOpenFault } from './spool/spool.ts';

/** How often sessions are looked through for tokens that have ended, in milliseconds; each command looks as well. */
const EXPIRY_INTERVAL_MS = 1_000;
const GATE_VERSION = '0.1.0';

/** What differs between a gate on one machine and one in a pod. */
export interface GateProcessOptions {
  /** Stays the same when the gate is started again. */
  readonly gateId: string;
  readonly spoolFolder: string;
  /** Undefined: records stay in the spool until it is full. */
  readonly store: StoreAddress | undefined;
  readonly limits?: RecorderOptions['limits'];
  /** By what agents know the gate in TLS. */
  readonly authority: AgentAuthority;
  /** The key by which agents know the gate in SSH, in OpenSSH's format. Default: a new one. */
  readonly sshHostKey?: string;
  readonly surroundings?: GateSurroundings;
  /** How the desk differs from one that only its own process asks. */
  readonly desk?: Pick<ApprovalDeskOptions, 'pendingMax' | 'idLength' | 'howToApprove'>;
  /** What agents may still do; default: this gate counts by itself. */
  readonly budgets?: BudgetBook;
  readonly figures?: Partial<GateFigures>;
  /** How long a stopping gate waits for its records to reach the store, in milliseconds; the spool keeps what is left. */
  readonly stopTimeoutMs: number;
}

/** The whole gate of this process, without whoever gives it its rules. */
export interface GateProcess {
  readonly program: GateProgram;
  readonly desk: ApprovalDesk;
  readonly metrics: GateMetrics;
  readonly recording: RecordingHealth;
  readonly clock: Clock;
  /** `PRODUCT/VERSION`. */
  readonly version: string;
  /** Closes the doors, ends the sessions, hands their records over, and exits with 0. Only the first call counts. */
  readonly stop: () => Promise<void>;
}

/** Opens the recorder, the protocols and what sessions share. Faults when the spool's folder cannot be used. */
export async function openGateProcess(options: GateProcessOptions): Promise<Result<GateProcess, SpoolOpenFault>> {
  const { gateId, spoolFolder, store, limits, authority, surroundings, figures, stopTimeoutMs } = options;
  const clock = openClock();
  const recording = new RecordingHealth();
  /** The recorder notices things before there is a program. */
  let started: GateProgram | undefined;
  const recorder = createRecorder({
    spoolFolder,
    gateId,
    store,
    nowUs: clock.nowUs,
    random: Math.random,
    ...(limits === undefined ? {} : { limits }),
    notice: (noticed) => {
      const { kind, ...facts } = noticed;
      log(kind === 'StoreReached' || kind === 'SegmentReadable' ? 'Info' : 'Warning', kind, facts);
      if (noticed.kind === 'SessionRefused') started?.gate.recordRefused(noticed.sessionId, noticed.reason);
      recording.notice(noticed);
    },
  });
  if (!recorder.ok) return recorder;
  const { protocols, shared } = await openProtocols(options.sshHostKey);
  const desk = new ApprovalDesk({
    ...options.desk,
    nowMs: clock.nowMs,
    setTimer: (ms, act) => {
      const timer = setTimeout(act, ms);
      return () => clearTimeout(timer);
    },
    random: (bytes) => randomBytes(bytes),
  });
  const metrics = openGateMetrics({
    sessionsOpen: () => program.gate.sessions.size,
    commandsHeld: () => desk.pendingCount,
    ...(store === undefined ? {} : { recording }),
    ...figures,
  });
  const program: GateProgram = new GateProgram({
    gateId,
    gateVersion: GATE_VERSION,
    recorder: recorder.value,
    protocols,
    shared,
    openVerifier: (issuers) => openTokenVerifier(issuers, openReadDocument(surroundings?.lookup), clock.nowMs),
    readWorkloadToken,
    desk,
    heldBytesMax: heldBytesMax(memoryBytes()),
    nowUs: clock.nowUs,
    observe: metrics,
    log,
    random: (bytes) => randomBytes(bytes),
    authority,
    ...(surroundings === undefined ? {} : { surroundings }),
    ...(options.budgets === undefined ? {} : { budgets: options.budgets }),
  });
  started = program;
  setInterval(() => {
    clock.follow();
    program.gate.tick();
    program.retryBlocked();
  }, EXPIRY_INTERVAL_MS).unref();

  let stopping = false;
  return ok({
    program,
    desk,
    metrics,
    recording,
    clock,
    version: `sidegate-gate/${GATE_VERSION}`,
    stop: async () => {
      if (stopping) return;
      stopping = true;
      program.stop();
      await recorder.value.close(AbortSignal.timeout(stopTimeoutMs));
      process.exit(0);
    },
  });
}

/** What this machine, or the container around this process, has. */
function memoryBytes(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}
