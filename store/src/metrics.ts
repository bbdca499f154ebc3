import { Counter, Gauge, Histogram, Registry } from 'prom-client';

/** What the gauges read when they are asked. */
export interface StoreState {
  readonly openSessions: () => number;
  readonly diskBytes: () => { readonly segments: number; readonly index: number; readonly evidence: number };
}

/** What the store counts. Names begin with `sidegate_store_`. */
export interface StoreMetrics {
  readonly registry: Registry;
  readonly chunks: Counter<'status'>;
  readonly bytes: Counter;
  readonly alarms: Counter<'kind'>;
  readonly writeFailures: Counter;
  readonly ackSeconds: Histogram;
  readonly readings: Counter<'action'>;
  readonly droppedSessions: Counter;
  /** Lets the gauges read; before that they say 0. */
  watch(state: StoreState): void;
}

/** Makes the metrics in a registry of their own. */
export function createMetrics(): StoreMetrics {
  const registry = new Registry();
  const registers = [registry];
  let state: StoreState | undefined;
  const openSessions: Gauge = new Gauge({
    name: 'sidegate_store_open_sessions',
    help: 'Sessions whose record has no end yet.',
    registers,
    collect: (): void => openSessions.set(state?.openSessions() ?? 0),
  });
  const diskBytes: Gauge<'part'> = new Gauge({
    name: 'sidegate_store_disk_bytes',
    help: 'Bytes on disk, by what they are.',
    labelNames: ['part'],
    registers,
    collect: (): void => {
      const bytes = state?.diskBytes() ?? { segments: 0, index: 0, evidence: 0 };
      for (const [part, value] of Object.entries(bytes)) diskBytes.set({ part }, value);
    },
  });
  return {
    registry,
    chunks: new Counter({
      name: 'sidegate_store_chunks_total',
      help: 'Chunks that gates offered, by what became of them.',
      labelNames: ['status'],
      registers,
    }),
    bytes: new Counter({ name: 'sidegate_store_chunk_bytes_total', help: 'Bytes of stored chunks.', registers }),
    alarms: new Counter({
      name: 'sidegate_store_alarms_total',
      help: 'Alarms raised, by kind.',
      labelNames: ['kind'],
      registers,
    }),
    writeFailures: new Counter({
      name: 'sidegate_store_write_failures_total',
      help: 'Groups of chunks that the disk did not take.',
      registers,
    }),
    ackSeconds: new Histogram({
      name: 'sidegate_store_ack_seconds',
      help: 'Time from the arrival of a chunk to its answer.',
      buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
      registers,
    }),
    readings: new Counter({
      name: 'sidegate_store_readings_total',
      help: 'Calls of readers, by action.',
      labelNames: ['action'],
      registers,
    }),
    droppedSessions: new Counter({
      name: 'sidegate_store_dropped_sessions_total',
      help: 'Sessions that retention took away.',
      registers,
    }),
    watch: (to) => {
      state = to;
    },
  };
}
