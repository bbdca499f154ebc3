import { randomBytes } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ListeningDoor } from '@sidegate/crds';
import pg from 'pg';
import { compileFolder } from '../cli/src/validate/compiled-folder.ts';
import { type CliEnd, objectsOf, type ProcessIds, processIdsOf, runCli, startRun } from './sidegate-cli.ts';
import { demoSchema, GROUPS, stageFiles, WORKLOAD_TOKEN_FILE } from './stage-files.ts';
import { startIssuer, type TestIssuer, type TokenOptions } from './support/issuer.ts';
import type { PostgresOptions, TargetPostgres } from './support/postgres-server.ts';
import { DEADLINE_MS, type RunningProcess } from './support/processes.ts';
import { startTargetPostgres } from './support/target-postgres.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

/** How an agent proves who it is; default Token. */
type IdentitySource = 'Token' | 'Workload';

export interface StageOptions extends Pick<PostgresOptions, 'build' | 'tls' | 'settings'> {
  readonly identity?: IdentitySource;
  /** How the server is started; default: in a container where Docker answers, else of programs of this machine. */
  readonly start?: (options: PostgresOptions) => Promise<TargetPostgres>;
  /** SQL that is run after the demo schema, as the superuser. */
  readonly setup?: string;
  /** Files by name, over those of the stage: another `policy.yaml`, more of everything. */
  readonly files?: Readonly<Record<string, string>>;
  /** Called with the state folder before anything uses it; disposed of when nothing uses it any longer. */
  readonly prepareState?: (folder: string) => Promise<AsyncDisposable | undefined>;
  /** Variables for `sidegate run`, and so for gate and store. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Told before each step that takes long. */
  readonly progress?: (step: string) => void;
}

/** A change of the files, as `sidegate run` answered it. */
export type Change =
  | { readonly kind: 'Applied'; readonly version: string }
  | { readonly kind: 'Refused'; readonly faults: readonly Readonly<Record<string, unknown>>[] };

export interface AgentOptions extends pg.ClientConfig {
  /** Presented as the password; default a good token. */
  readonly token?: string;
}

type JsonObject = Readonly<Record<string, unknown>>;

/** PostgreSQL with the demo schema, an issuer, and `sidegate run` on a folder of resources: everything that a test of the whole needs. */
export interface Stage extends AsyncDisposable {
  readonly postgres: TargetPostgres;
  readonly issuer: TestIssuer;
  /** The folder of resources. */
  readonly folder: string;
  /** The state folder of `sidegate run`. */
  readonly state: string;
  /** `sidegate run` itself. */
  readonly run: RunningProcess;
  /** Where agents connect: the door of the Target and AgentAccess that the stage itself writes. */
  readonly host: string;
  readonly port: number;
  /** Every event of `sidegate run` so far. */
  events(): readonly JsonObject[];
  /** The newest process ids of gate and store. */
  processIds(): ProcessIds;
  /** A token of `support-bot` in `support-agents`, unless told otherwise. */
  token(options?: TokenOptions): Promise<string>;
  /** Identity Workload: writes the token that the next connections have. */
  writeWorkloadToken(options?: TokenOptions): Promise<void>;
  /** A connected node-postgres client that goes through the gate; the caller ends it. Rejects as the client does. */
  connect(options?: AgentOptions): Promise<pg.Client>;
  /** Runs `sidegate COMMAND --state ... --json`. */
  cli(...parameters: readonly string[]): Promise<CliEnd>;
  /** The sessions in the store, newest first, as `sidegate sessions --json` gives them. */
  sessions(): Promise<readonly JsonObject[]>;
  /** The commands of a session, as `sidegate show --json` gives them. */
  commands(sessionId: unknown): Promise<readonly JsonObject[]>;
  /** Writes files (undefined removes one) and resolves when `sidegate run` has applied or refused all of them. */
  change(files: Readonly<Record<string, string | undefined>>): Promise<Change>;
  /**
   * Resolves with the sessions when `enough` holds for what the store has of them; default: every session that `connect` opened is there
   * and has ended. Rejects at the deadline of 60 s.
   */
  drained(enough?: (sessions: readonly JsonObject[]) => boolean): Promise<readonly JsonObject[]>;
  /** Waits for an event of `sidegate run`, also one that is past. */
  event(accept: (event: JsonObject) => boolean): Promise<JsonObject>;
  stop(): Promise<void>;
}

/** Starts everything and waits until agents can connect. Throws, and leaves nothing behind, when something does not come up. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const { identity = 'Token', start = startTargetPostgres, progress = () => undefined } = options;
  await using started = new AsyncDisposableStack();
  const loginPassword = randomBytes(12).toString('hex');
  progress('starting PostgreSQL');
  const { build, tls, settings } = options;
  const postgres = await start({
    ...(build === undefined ? {} : { build }),
    ...(tls === undefined ? {} : { tls }),
    ...(settings === undefined ? {} : { settings }),
    setup: demoSchema(loginPassword),
  });
  started.use(postgres);
  if (options.setup !== undefined) await postgres.query(options.setup);
  progress('starting the issuer of tokens');
  const issuer = started.use(await startIssuer());
  const folder = started.use(temporaryFolder('files'));
  const state = started.use(temporaryFolder('state'));
  started.use(await options.prepareState?.(state.path));
  const files = stageFiles({ postgres, loginPassword, issuerUrl: issuer.url, audience: issuer.audience, identity });
  writeFiles(folder.path, { ...files, ...options.files });
  const token = (claims: TokenOptions = {}): Promise<string> =>
    issuer.token({ subject: 'support-bot', groups: GROUPS, ...claims });
  const writeWorkloadToken = async (claims: TokenOptions = {}): Promise<void> => {
    writeFileSync(folder.file(`${WORKLOAD_TOKEN_FILE}.new`), await token(claims));
    renameSync(folder.file(`${WORKLOAD_TOKEN_FILE}.new`), folder.file(WORKLOAD_TOKEN_FILE));
  };
  if (identity === 'Workload') await writeWorkloadToken();
  progress('starting gate and store');
  const keep = (process: RunningProcess): RunningProcess => started.use(process);
  const { run, ready } = await startRun(folder.path, state.path, keep, options.environment);
  const { host, port } = doorOf(ready);

  let connections = 0;
  const events = (): readonly JsonObject[] => objectsOf(run.stdout());
  const cli: Stage['cli'] = (command = '', ...parameters) =>
    runCli([command, ...parameters, '--state', state.path, '--json']);
  const sessions = async (): Promise<readonly JsonObject[]> => objectsIn(await cli('sessions', '--limit', '10000'));
  const whole = started.move();
  const stop = (): Promise<void> => whole.disposeAsync();
  return {
    postgres,
    issuer,
    folder: folder.path,
    state: state.path,
    run,
    host,
    port,
    events,
    processIds: () => processIdsOf(run),
    token,
    writeWorkloadToken,
    connect: async ({ token: presented, ...agent } = {}) => {
      const password = identity === 'Workload' ? {} : { password: presented ?? (await token()) };
      const client = new pg.Client({ host, port, user: 'agent', database: postgres.database, ...password, ...agent });
      // A session that the gate ends is what some tests are about: the next query tells.
      client.on('error', () => undefined);
      await client.connect();
      connections += 1;
      return client;
    },
    cli,
    sessions,
    commands: async (sessionId) =>
      objectsIn(await cli('show', String(sessionId))).filter(({ kind }) => kind === 'Command'),
    change: async (changed) => {
      let position = events().length;
      writeFiles(folder.path, changed);
      const expected = await expectedOf(folder.path, state.path);
      // What was answered last is not answered again.
      const last = events().findLast(({ kind }) => kind === 'Ready' || kind === 'Applied' || kind === 'Refused');
      if (last !== undefined && answers(last, expected)) return expected;
      const answer = await run.jsonLine((event) => {
        position -= 1;
        return position < 0 && answers(event, expected);
      });
      return answer['kind'] === 'Refused' ? { kind: 'Refused', faults: faultsOf(answer) } : expected;
    },
    drained: async (enough = (all) => all.length >= connections && all.every(hasEnded)) => {
      const deadline = Date.now() + DEADLINE_MS;
      for (;;) {
        // A store that was killed is not back yet: it is asked again.
        const { code, objects, stderr } = await cli('sessions', '--limit', '10000');
        if (code === 0 && enough(objects)) return objects;
        if (Date.now() > deadline) {
          const seen = code === 0 ? JSON.stringify(objects) : stderr;
          throw new Error(`the store does not have everything in ${DEADLINE_MS} ms: ${seen}\n${run.output()}`);
        }
        await sleep(100);
      }
    },
    event: (accept) => run.jsonLine(accept),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function writeFiles(folder: string, files: Readonly<Record<string, string | undefined>>): void {
  for (const [name, text] of Object.entries(files)) {
    if (text === undefined) rmSync(join(folder, name), { force: true });
    else {
      writeFileSync(join(folder, `.${name}.new`), text);
      renameSync(join(folder, `.${name}.new`), join(folder, name));
    }
  }
}

/** What `sidegate run` must say of the files as they are now; what the gate itself may refuse is not seen here. */
async function expectedOf(folder: string, state: string): Promise<Change> {
  const maskKey = readFileSync(join(state, 'mask-key'), 'utf8');
  const options = { maskKey, listen: '127.0.0.1', environment: process.env };
  const compiled = await compileFolder(folder, options);
  if (compiled.ok) return { kind: 'Applied', version: compiled.value.snapshot.version };
  return { kind: 'Refused', faults: compiled.fault.map((fault) => ({ ...fault })) };
}

function answers(event: JsonObject, expected: Change): boolean {
  if (expected.kind === 'Applied') {
    return event['version'] === expected.version;
  }
  return event['kind'] === 'Refused' && JSON.stringify(event['faults']) === JSON.stringify(expected.faults);
}

function faultsOf({ faults }: JsonObject): readonly JsonObject[] {
  return Array.isArray(faults) ? faults : [];
}

function hasEnded({ closedUs }: JsonObject): boolean {
  return Number(closedUs) > 0;
}

function doorOf({ listeners }: JsonObject): ListeningDoor {
  const doors: readonly ListeningDoor[] = Array.isArray(listeners) ? listeners : [];
  const own = doors.find(({ target, access }) => target.name === 'orders-db' && access.name === 'support-bot');
  if (own === undefined) throw new Error(`the stage has no door of its own: ${JSON.stringify(listeners)}`);
  return own;
}

function objectsIn({ code, objects, stderr }: CliEnd): readonly JsonObject[] {
  if (code !== 0) throw new Error(`sidegate ended with ${code}: ${stderr}`);
  return objects;
}
