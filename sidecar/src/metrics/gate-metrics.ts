import { Counter, Gauge, Registry } from 'prom-client';
import type { SessionObserver } from '../gate/surroundings.ts';
import type { RecordingHealth } from '../recording-health.ts';
import { DurationHistogram } from './duration-histogram.ts';

export interface GateMetrics extends SessionObserver {
  /** The Prometheus text exposition format, version 0.0.4. */
  render(): Promise<string>;
}

/** What is asked for at each rendering. */
export interface GateFigures {
  readonly sessionsOpen: () => number;
  readonly commandsHeld: () => number;
  /** How old the rules are: `Waiting`, `Current`, `Stale` or `Closed`. Undefined where nobody but a supervisor gives them. */
  readonly rulesPhase?: () => string;
  /** Doors that could not be opened because somebody else has their address. */
  readonly doorsBlocked?: () => number;
  /** Whether records reach the store, where there is one. */
  readonly recording?: Pick<RecordingHealth, 'flowing' | 'segmentsUnreadable'>;
}

const PHASES = ['Waiting', 'Current', 'Stale', 'Closed'] as const;

type Decided = Parameters<SessionObserver['decided']>[0]['action'];
type Finished = Parameters<SessionObserver['finished']>[0];

/**
 * Counts what the gate does; labels are closed sets, so no agent can make them many. What is counted for every command is counted in plain
 * numbers and given to the library when somebody asks.
 */
export function openGateMetrics({ sessionsOpen, commandsHeld, recording, ...inPod }: GateFigures): GateMetrics {
  const registry = new Registry();
  const registers = [registry];
  const decisions = new Counter({
    name: 'sidegate_gate_decisions_total',
    help: 'Commands judged, by decision.',
    labelNames: ['action'],
    registers,
  });
  const finished = new Counter({
    name: 'sidegate_gate_commands_total',
    help: 'Commands finished, by outcome.',
    labelNames: ['outcome'],
    registers,
  });
  const judging = new DurationHistogram(
    'sidegate_gate_judging_seconds',
    'Time that a decision took.',
    [0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.05],
  );
  const duration = new DurationHistogram(
    'sidegate_gate_command_seconds',
    'From judging a command to the end of its answer.',
    [0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120],
  );
  const sessions = new Gauge({ name: 'sidegate_gate_sessions', help: 'Connections open now.', registers });
  const held = new Gauge({
    name: 'sidegate_gate_commands_held',
    help: 'Commands that wait for a human now.',
    registers,
  });
  podGauges(registry, inPod);
  if (recording !== undefined) recordingGauges(registry, recording);
  const actions: Record<Decided, number> = { Allow: 0, Deny: 0, RequireApproval: 0 };
  const outcomes: Record<Finished, number> = { Done: 0, Failed: 0, Refused: 0, Lost: 0 };
  return {
    decided({ action }, durationUs) {
      actions[action] += 1;
      judging.observe(durationUs);
    },
    finished(outcome, durationUs) {
      outcomes[outcome] += 1;
      duration.observe(durationUs);
    },
    async render() {
      sessions.set(sessionsOpen());
      held.set(commandsHeld());
      decisions.reset();
      for (const [action, count] of Object.entries(actions)) if (count > 0) decisions.inc({ action }, count);
      finished.reset();
      for (const [outcome, count] of Object.entries(outcomes)) if (count > 0) finished.inc({ outcome }, count);
      return `${(await registry.metrics()).trimEnd()}\n\n${judging.render()}\n${duration.render()}`;
    },
  };
}

/** What only a gate in a pod has. */
function podGauges(
  registry: Registry,
  { rulesPhase, doorsBlocked }: Pick<GateFigures, 'rulesPhase' | 'doorsBlocked'>,
): void {
  if (rulesPhase !== undefined) {
    const phases = new Gauge({
      name: 'sidegate_gate_rules_phase',
      help: '1 for what the rules of the gate are now: waited for, current, stale (the operator is silent) or closed.',
      labelNames: ['phase'],
      registers: [],
      collect() {
        for (const phase of PHASES) this.set({ phase }, rulesPhase() === phase ? 1 : 0);
      },
    });
    registry.registerMetric(phases);
  }
  if (doorsBlocked !== undefined) {
    const doors = new Gauge({
      name: 'sidegate_gate_doors_blocked',
      help: 'Targets that cannot be reached because something else in the pod listens on their address.',
      registers: [],
      collect() {
        this.set(doorsBlocked());
      },
    });
    registry.registerMetric(doors);
  }
}

function recordingGauges(registry: Registry, recording: NonNullable<GateFigures['recording']>): void {
  const flowing = new Gauge({
    name: 'sidegate_gate_recording',
    help: '1 while all that is recorded reaches the store.',
    registers: [],
    collect() {
      this.set(recording.flowing ? 1 : 0);
    },
  });
  const unreadable = new Gauge({
    name: 'sidegate_gate_spool_segments_unreadable',
    help: 'Segments of the spool that the disk does not give: what they hold is not sent.',
    registers: [],
    collect() {
      this.set(recording.segmentsUnreadable);
    },
  });
  for (const gauge of [flowing, unreadable]) registry.registerMetric(gauge);
}
