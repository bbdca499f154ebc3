/** One image: the programs in it, each a bundle of one file, and the one that it starts. */
export interface ImageProgram {
  readonly name: string;
  /** By the name of the bundle, without ending: the source it starts from. */
  readonly bundles: Readonly<Record<string, string>>;
  /** Files that the bundles read at run time, beside them. */
  readonly files: readonly string[];
}

/** PostgreSQL's own parser, which reads every statement. */
const SQL_PARSER = 'node_modules/libpg-query/wasm/libpg-query.wasm';

/** Images that hold no program of ours: their Dockerfiles alone are their contexts. */
export const FOREIGN_IMAGES: readonly string[] = ['lock'];

const COMMAND_LINE = 'cli/src/main.ts';

export const IMAGES: readonly ImageProgram[] = [
  { name: 'operator', bundles: { operator: 'operator/src/main.ts' }, files: [] },
  {
    name: 'gate',
    bundles: {
      gate: 'sidecar/src/pod-main.ts',
      probe: 'sidecar/src/probe-main.ts',
      'uplink-worker': 'sidecar/src/uplink/worker.ts',
    },
    files: [SQL_PARSER],
  },
  { name: 'store', bundles: { store: 'store/src/main.ts', sidegate: COMMAND_LINE }, files: [] },
  {
    // `sidegate run` starts gate and store as programs of their own, so they are here as well.
    name: 'cli',
    bundles: {
      sidegate: COMMAND_LINE,
      gate: 'sidecar/src/main.ts',
      'uplink-worker': 'sidecar/src/uplink/worker.ts',
      explain: 'sidecar/src/explain-program.ts',
      store: 'store/src/main.ts',
    },
    files: [SQL_PARSER],
  },
];
