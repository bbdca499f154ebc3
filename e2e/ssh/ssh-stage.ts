import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openRunStage, type RunStage } from '../run-stage.ts';
import { accessFile, configurationFile } from '../stage-files.ts';
import { type Ended, type RunningProcess, startProcess } from '../support/processes.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { SSH, type SshServer, type SshServerOptions, startSsh } from './ssh-server.ts';

export interface SshStageOptions extends SshServerOptions {
  readonly identity?: 'Token' | 'Workload';
  /** The text of policy.yaml; default: nothing is refused or masked. */
  readonly policy?: string;
  /** What the Target does with what no rule speaks of; default: Allow. */
  readonly defaultAction?: 'Allow' | 'Deny';
  readonly owner?: string;
  readonly ownerGroups?: readonly string[];
  /** What the Target names; default: the server's own. */
  readonly hostKey?: string;
}

/** A real sshd, and Sidegate before it. */
export interface SshStage extends RunStage, AsyncDisposable {
  readonly server: SshServer;
  /** OpenSSH's ssh through the gate: `words` are its parameters after the host's. It gives the token, or `token` in its place. */
  ssh(words: readonly string[], token?: string): Promise<Ended>;
  /** What ssh is run with, as one line for programs that run it, and the environment of that. */
  command(): Promise<{ readonly line: string; readonly env: Readonly<Record<string, string>> }>;
  /** The same, not waited for. */
  start(words: readonly string[], token?: string): Promise<RunningProcess>;
  stop(): Promise<void>;
}

export async function openSshStage(options: SshStageOptions = {}): Promise<SshStage> {
  const { identity = 'Token' } = options;
  if (SSH === undefined) throw new Error('ssh is not installed');
  const client = SSH;
  await using started = new AsyncDisposableStack();
  const server = started.use(await startSsh(options));
  const home = started.use(temporaryFolder('home'));
  writeFileSync(home.file('askpass'), '#!/bin/sh\nprintf "%s\\n" "$SSH_TOKEN"\n', { mode: 0o700 });
  const running = await openRunStage(started, { identity, files: (issuer) => filesOf(options, server, issuer) });
  const settings = [
    `UserKnownHostsFile=${join(running.state, 'trust', 'ssh_known_hosts')}`,
    'StrictHostKeyChecking=yes',
    'PreferredAuthentications=password,keyboard-interactive',
    'NumberOfPasswordPrompts=1',
  ];
  const parameters = ['-F', 'none', '-p', String(running.port), ...settings.flatMap((one) => ['-o', one])];
  const env = { SSH_ASKPASS: home.file('askpass'), SSH_ASKPASS_REQUIRE: 'force', HOME: home.path };
  const start: SshStage['start'] = async (words, given) =>
    startProcess(client, [...parameters, ...words], { env: { ...env, SSH_TOKEN: given ?? (await running.token()) } });
  const whole = started.move();
  const stop = (): Promise<void> => whole.disposeAsync();
  return {
    ...running,
    server,
    start,
    command: async () => ({
      line: [client, ...parameters].join(' '),
      env: { ...env, SSH_TOKEN: await running.token() },
    }),
    ssh: async (words, given) => {
      const { ended } = await start(words, given);
      return await ended;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function filesOf(
  { identity = 'Token', policy, defaultAction = 'Allow', owner, ownerGroups = [], hostKey }: SshStageOptions,
  server: SshServer,
  { url, audience }: { readonly url: string; readonly audience: string },
): Readonly<Record<string, string>> {
  return {
    'access.yaml': accessFile(identity, 'build'),
    'configuration.yaml': configurationFile({ url, audience, identity, owner, ownerGroups }),
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
  defaultAction: ${defaultAction}
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
