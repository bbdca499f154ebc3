import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { objectsOf, type ProcessIds, processIdsOf, runCli, startRun } from './sidegate-cli.ts';
import { GROUPS, WORKLOAD_TOKEN_FILE } from './stage-files.ts';
import { startIssuer, type TestIssuer, type TokenOptions } from './support/issuer.ts';
import { DEADLINE_MS, type RunningProcess } from './support/processes.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface RunStageOptions {
  readonly identity: 'Token' | 'Workload';
  /** The resources by file name, `policy.yaml` among them, with one door. */
  readonly files: (issuer: TestIssuer) => Readonly<Record<string, string>>;
}

/** An issuer, and `sidegate run` on a folder of resources with one door: what the stages of protocols have in common. */
export interface RunStage {
  readonly run: RunningProcess;
  /** Where agents connect. */
  readonly host: string;
  readonly port: number;
  readonly state: string;
  /** The folder of resources. */
  readonly folder: string;
  processIds(): ProcessIds;
  /** A token of `support-bot` in `support-agents`, unless told otherwise. */
  token(options?: TokenOptions): Promise<string>;
  cli(...parameters: readonly string[]): Promise<readonly JsonObject[]>;
  /** Writes policy.yaml and resolves when it holds. */
  policy(text: string): Promise<void>;
  /** The same with any file of the resources. */
  write(name: string, text: string): Promise<void>;
  /** The sessions in the store when so many have ended. */
  ended(count: number): Promise<readonly JsonObject[]>;
}

/** Starts it and waits until agents can connect; `started` ends it. */
export async function openRunStage(
  started: AsyncDisposableStack,
  { identity, files }: RunStageOptions,
): Promise<RunStage> {
  const issuer = started.use(await startIssuer());
  const folder = started.use(temporaryFolder('files'));
  const state = started.use(temporaryFolder('state'));
  const token = (claims: TokenOptions = {}): Promise<string> =>
    issuer.token({ subject: 'support-bot', groups: GROUPS, ...claims });
  if (identity === 'Workload') writeFileSync(folder.file(WORKLOAD_TOKEN_FILE), await token());
  for (const [name, text] of Object.entries(files(issuer))) writeFileSync(folder.file(name), text);
  const { run, ready } = await startRun(folder.path, state.path, (process) => started.use(process));
  const [door] = ready['listeners'] as readonly { readonly host: string; readonly port: number }[];
  if (door === undefined) throw new Error('the stage has no door');
  const cli: RunStage['cli'] = async (command = '', ...parameters) => {
    const { code, objects, stderr } = await runCli([command, ...parameters, '--state', state.path, '--json']);
    if (code !== 0) throw new Error(`sidegate ended with ${code}: ${stderr}`);
    return objects;
  };
  const write: RunStage['write'] = async (name, text) => {
    const position = objectsOf(run.stdout()).length;
    writeFileSync(join(folder.path, '.new'), text);
    renameSync(join(folder.path, '.new'), folder.file(name));
    let seen = 0;
    const answer = await run.jsonLine(({ kind }) => {
      seen += 1;
      return seen > position && (kind === 'Applied' || kind === 'Refused');
    });
    if (answer['kind'] !== 'Applied') throw new Error(`the file was refused: ${JSON.stringify(answer)}`);
  };
  return {
    run,
    host: door.host,
    port: door.port,
    state: state.path,
    folder: folder.path,
    processIds: () => processIdsOf(run),
    token,
    cli,
    policy: (text) => write('policy.yaml', text),
    write,
    ended: async (count) => {
      const deadline = Date.now() + DEADLINE_MS;
      for (;;) {
        const sessions = await cli('sessions', '--limit', '10000');
        if (sessions.filter(({ closedUs }) => Number(closedUs) > 0).length >= count) return sessions;
        if (Date.now() > deadline) throw new Error(`the store has only ${JSON.stringify(sessions)}`);
        await sleep(100);
      }
    },
  };
}
