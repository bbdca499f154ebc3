import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { freePort } from '../support/free-port.ts';
import { type RunningProcess, runProcess, startProcess } from '../support/processes.ts';
import { findProgram } from '../support/programs.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Undefined where it is not installed. */
export const SSHD = findProgram('sshd');
export const SSH = findProgram('ssh');
const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

/** A real sshd of a test's own on loopback. It lets in this user, by one key and no other way. */
export interface SshServer extends AsyncDisposable {
  readonly port: number;
  readonly user: string;
  /** The private key that it takes. */
  readonly privateKey: string;
  readonly certificate: string | undefined;
  /** As known_hosts has it, without the name. */
  readonly hostKey: string;
  readonly folder: string;
  /** What it said of its work, as far as its `LogLevel` lets it. */
  log(): string;
  /** The texts that a server with a witness was asked to run, so far. */
  ran(): readonly string[];
  /** Ends it with its connections at once, as a crash does, and starts it again; what it ran finds out by itself. */
  restart(): Promise<void>;
  /** The process ids of its connections. */
  connections(): readonly number[];
  stop(): Promise<void>;
}

export interface SshServerOptions {
  /** What `ssh-keygen -t` is told about the key that lets in. */
  readonly key?: readonly string[];
  /** It takes no key by itself, only one that its authority has certified. */
  readonly isCertified?: boolean;
  /** It writes down what it is asked to run, and gives that to bash. */
  readonly isWitnessed?: boolean;
  /** More lines of sshd_config; given the server's folder. */
  readonly settings?: (folder: string) => readonly string[];
}

/** Writes down the text of an exec, with a zero byte behind it, before it runs. */
const witnessFor = (log: string): string =>
  `#!/bin/sh\nprintf '%s\\0' "$SSH_ORIGINAL_COMMAND" >> '${log}'\nexec bash -c "$SSH_ORIGINAL_COMMAND"\n`;

async function keygen(...parameters: readonly string[]): Promise<void> {
  const { code, stderr } = await runProcess('ssh-keygen', ['-q', ...parameters]);
  if (code !== 0) throw new Error(`ssh-keygen: ${stderr}`);
}

const makeKey = (path: string, type: readonly string[] = ['ed25519']): Promise<void> =>
  keygen('-N', '', '-C', '', '-f', path, '-t', ...type);

/** Starts a server and waits until it listens. Throws when it does not come up. */
export async function startSsh({
  key = ['ed25519'],
  isCertified = false,
  isWitnessed = false,
  settings = () => [],
}: SshServerOptions = {}): Promise<SshServer> {
  if (SSHD === undefined) throw new Error('sshd is not installed');
  await using started = new AsyncDisposableStack();
  const folder = started.use(temporaryFolder('sshd'));
  await makeKey(folder.file('host'));
  await makeKey(folder.file('login'), key);
  if (isCertified) {
    await makeKey(folder.file('authority'));
    await keygen('-s', folder.file('authority'), '-I', 'gate', '-n', userInfo().username, folder.file('login.pub'));
  }
  const read = (name: string): string => readFileSync(folder.file(name), 'utf8');
  writeFileSync(folder.file('authorized'), isCertified ? '' : read('login.pub'), { mode: 0o600 });
  writeFileSync(folder.file('witness'), witnessFor(folder.file('ran')), { mode: 0o755 });
  // As root it insists on this folder.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const lines = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${folder.file('host')}`,
    `AuthorizedKeysFile ${folder.file('authorized')}`,
    'PidFile none',
    'StrictModes no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'MaxSessions 2000',
    'MaxStartups 1000',
    'AcceptEnv LANG LC_* EVIL',
    // Else bash reads the user's ~/.bashrc for each program, which may take long and say anything.
    'SetEnv SHLVL=1',
    `Subsystem sftp ${SFTP_SERVER}`,
    ...settings(folder.path),
    ...(isCertified ? [`TrustedUserCAKeys ${folder.file('authority.pub')}`] : []),
    ...(isWitnessed ? [`ForceCommand ${folder.file('witness')}`] : []),
  ];
  writeFileSync(folder.file('config'), `${lines.join('\n')}\n`);
  const launch = async (): Promise<RunningProcess> => {
    const running = startProcess(SSHD ?? '', ['-D', '-e', '-f', folder.file('config')]);
    await running.line(/Server listening on/);
    return running;
  };
  let server = await launch();
  started.defer(async () => void (await server.stop()));
  const [type = '', blob = ''] = read('host.pub').split(' ');
  const whole = started.move();
  const stop = (): Promise<void> => whole.disposeAsync();
  return {
    port,
    user: userInfo().username,
    privateKey: read('login'),
    certificate: isCertified ? read('login-cert.pub') : undefined,
    hostKey: `${type} ${blob}`.trim(),
    folder: folder.path,
    log: () => server.stderr(),
    ran: () => (existsSync(folder.file('ran')) ? read('ran').split('\0').slice(0, -1) : []),
    restart: async () => {
      const all = descendantsOf(server.pid).filter(isSshd);
      // Its connections hold its outputs open.
      const stopped = server.stop('SIGKILL');
      for (const pid of all) killIfThere(pid);
      await stopped;
      server = await launch();
    },
    connections: () => childrenOf(server.pid),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

/** As Linux tells it. */
function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return text === '' ? [] : text.split(' ').map(Number);
  } catch {
    return [];
  }
}

function descendantsOf(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

function isSshd(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('sshd');
  } catch {
    return false;
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
