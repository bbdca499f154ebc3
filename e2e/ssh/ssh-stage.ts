import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { objectsOf, runCli, startCli } from '../sidegate-cli.ts';
import { startIssuer, type TokenOptions } from '../support/issuer.ts';
import { DEADLINE_MS, type Ended, type RunningProcess, startProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { SSH, type SshServer, type SshServerOptions, startSsh } from './ssh-server.ts';

type JsonObject = Readonly<Record<string, unknown>>;

export interface SshStageOptions extends SshServerOptions {
  readonly identity?: 'Token' | 'Workload';
  /** The text of policy.yaml; default: nothing is refused or masked. */
  readonly policy?: string;
  readonly owner?: string;
  readonly ownerGroups?: readonly string[];
  /** What the Target names; default: the server's own. */
  readonly hostKey?: string;
}

/** A real sshd, an issuer, and `sidegate run` on a folder of resources. */
export interface SshStage extends AsyncDisposable {
  readonly server: SshServer;
  readonly run: RunningProcess;
  readonly port: number;
  readonly state: string;
  token(options?: TokenOptions): Promise<string>;
  /** OpenSSH's ssh through the gate: `words` are its parameters after the host's. It gives the token, or `token` in its place. */
  ssh(words: readonly string[], token?: string): Promise<Ended>;
  /** What ssh is run with, as one line for programs that run it, and the environment of that. */
  command(): Promise<{ readonly line: string; readonly env: Readonly<Record<string, string>> }>;
  /** The same, not waited for. */
  start(words: readonly string[], token?: string): Promise<RunningProcess>;
  cli(...parameters: readonly string[]): Promise<readonly JsonObject[]>;
  policy(text: string): Promise<void>;
  /** The sessions in the store when so many have ended. */
  ended(count: number): Promise<readonly JsonObject[]>;
  stop(): Promise<void>;
}

export async function openSshStage(options: SshStageOptions = {}): Promise<SshStage> {
  const { identity = 'Token' } = options;
  if (SSH === undefined) throw new Error('ssh is not installed');
  const client = SSH;
  await using started = new AsyncDisposableStack();
  const server = started.use(await startSsh(options));
  const issuer = started.use(await startIssuer());
  const folder = started.use(temporaryFolder('files'));
  const state = started.use(temporaryFolder('state'));
  const home = started.use(temporaryFolder('home'));
  const token = (claims: TokenOptions = {}): Promise<string> =>
    issuer.token({ subject: 'support-bot', groups: ['support-agents'], ...claims });
  if (identity === 'Workload') writeFileSync(folder.file('workload.token'), await token());
  for (const [name, text] of Object.entries(filesOf(options, server, issuer))) writeFileSync(folder.file(name), text);
  writeFileSync(home.file('askpass'), '#!/bin/sh\nprintf "%s\\n" "$SSH_TOKEN"\n', { mode: 0o700 });
  const flags = ['-f', folder.path, '--listen', '127.0.0.1', '--state', state.path, '--json'];
  const run = started.use(startCli(['run', ...flags]));
  const ready = await run.jsonLine(({ kind }) => kind === 'Ready' || kind === 'Refused');
  if (ready['kind'] !== 'Ready') throw new Error(`sidegate run refuses its files:\n${run.output()}`);
  const [door] = ready['listeners'] as readonly { readonly host: string; readonly port: number }[];
  if (door === undefined) throw new Error('the stage has no door');
  const cli: SshStage['cli'] = async (command = '', ...parameters) => {
    const { code, objects, stderr } = await runCli([command, ...parameters, '--state', state.path, '--json']);
    if (code !== 0) throw new Error(`sidegate ended with ${code}: ${stderr}`);
    return objects;
  };
  const settingsOf = (): readonly string[] => {
    const settings = [
      `UserKnownHostsFile=${join(state.path, 'gate', 'ssh_known_hosts')}`,
      'StrictHostKeyChecking=yes',
      'PreferredAuthentications=password,keyboard-interactive',
      'NumberOfPasswordPrompts=1',
    ];
    return ['-F', 'none', '-p', String(door.port), ...settings.flatMap((one) => ['-o', one])];
  };
  const env = { SSH_ASKPASS: home.file('askpass'), SSH_ASKPASS_REQUIRE: 'force', HOME: home.path };
  const start: SshStage['start'] = async (words, given) =>
    startProcess(client, [...settingsOf(), ...words], { env: { ...env, SSH_TOKEN: given ?? (await token()) } });
  const whole = started.move();
  const stop = (): Promise<void> => whole.disposeAsync();
  return {
    server,
    run,
    port: door.port,
    state: state.path,
    token,
    cli,
    start,
    command: async () => ({ line: [client, ...settingsOf()].join(' '), env: { ...env, SSH_TOKEN: await token() } }),
    ssh: async (words, given) => {
      const { ended } = await start(words, given);
      return await ended;
    },
    policy: async (text) => {
      const position = objectsOf(run.stdout()).length;
      writeFileSync(join(folder.path, '.policy.new'), text);
      renameSync(join(folder.path, '.policy.new'), folder.file('policy.yaml'));
      let seen = 0;
      const answer = await run.jsonLine(({ kind }) => {
        seen += 1;
        return seen > position && (kind === 'Applied' || kind === 'Refused');
      });
      if (answer['kind'] !== 'Applied') throw new Error(`the policy was refused: ${JSON.stringify(answer)}`);
    },
    ended: async (count) => {
      const deadline = Date.now() + DEADLINE_MS;
      for (;;) {
        const sessions = await cli('sessions', '--limit', '10000');
        if (sessions.filter(({ closedUs }) => Number(closedUs) > 0).length >= count) return sessions;
        if (Date.now() > deadline) throw new Error(`the store has only ${JSON.stringify(sessions)}`);
        await sleep(100);
      }
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function filesOf(
  { identity = 'Token', policy, owner, ownerGroups = [], hostKey }: SshStageOptions,
  server: SshServer,
  { url, audience }: { readonly url: string; readonly audience: string },
): Readonly<Record<string, string>> {
  return {
    'access.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: AgentAccess
metadata: {name: support-bot, namespace: agents}
spec:
  podSelector: {matchLabels: {app: support-bot}}
  identity: {source: ${identity}, issuers: [corporate]}
  targetRefs:
    - {namespace: data, name: build}
  defaultAction: Allow
`,
    'configuration.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: Configuration
operatorNamespace: sidegate
issuers:
  - {name: corporate, url: '${url}', audiences: [${audience}]}
${identity === 'Workload' ? 'workloadTokenFile: ./workload.token\n' : ''}${owner === undefined ? '' : `owner: {subject: ${owner}, groups: [${ownerGroups.join(', ')}]}\n`}`,
    'policy.yaml': policy ?? '',
    'target.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata: {name: build, namespace: data}
spec:
  protocol: SSH
  host: localhost
  port: ${server.port}
  ssh: {hostKeys: ['${hostKey ?? server.hostKey}']}
  tls: {mode: Disable}
  credential: {secretRef: {name: build-login}}
  allowedNamespaces: {from: All}
  defaultAction: Allow
---
apiVersion: v1
kind: Secret
metadata: {name: build-login, namespace: data}
type: sidegate.dev/credential
stringData:
  username: ${server.user}
  hosts: localhost
  privateKey: |
${server.privateKey.trimEnd().replaceAll(/^/gm, '    ')}
${server.certificate === undefined ? '' : `  certificate: ${server.certificate}`}
`,
  };
}
