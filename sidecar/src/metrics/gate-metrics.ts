import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { SessionObserver } from '../gate/surroundings.ts';

export interface GateMetrics extends SessionObserver {
  /** The Prometheus text exposition format, version 0.0.4. */
  render(): Promise<string>;
}

/** Counts what the gate does; labels are closed sets, so no agent can make them many. */
export function openGateMetrics(sessionsOpen: () => number, commandsHeld: () => number): GateMetrics {
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
  const judging = new Histogram({
    name: 'sidegate_gate_judging_seconds',
    help: 'Time that a decision took.',
    buckets: [0.000_01, 0.000_05, 0.000_1, 0.000_5, 0.001, 0.005, 0.05],
    registers,
  });
  const duration = new Histogram({
    name: 'sidegate_gate_command_seconds',
    help: 'From judging a command to the end of its answer.',
    buckets: [0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120],
    registers,
  });
  const sessions = new Gauge({ name: 'sidegate_gate_sessions', help: 'Connections open now.', registers });
  const held = new Gauge({
    name: 'sidegate_gate_commands_held',
    help: 'Commands that wait for a human now.',
    registers,
  });
  return {
    decided({ action }, durationUs) {
      decisions.inc({ action });
      judging.observe(durationUs / 1e6);
    },
    finished(outcome, durationUs) {
      finished.inc({ outcome });
      duration.observe(durationUs / 1e6);
    },
    render() {
      sessions.set(sessionsOpen());
      held.set(commandsHeld());
      return registry.metrics();
    },
  };
}
