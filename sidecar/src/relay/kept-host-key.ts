import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openHostKey } from '../protocols/ssh/host-key.ts';
import { keepWhole } from '../whole-file.ts';

const KEPT_FILE = 'ssh-host-key';
/** What agents name as their UserKnownHostsFile. */
const KNOWN_HOSTS_FILE = 'ssh_known_hosts';
const SSH_PORT = 22;

/** Where agents reach the gate: a port, and the names and addresses that they may use. */
export interface ShownPlace {
  readonly names: readonly string[];
  readonly port: number;
}

export interface KeptHostKey {
  /** In OpenSSH's format. */
  readonly pem: string;
  /** Writes which places have this key, when that has changed. Rejects when the folder cannot be written. */
  readonly show: (places: readonly ShownPlace[]) => Promise<void>;
}

/**
 * The gate's host key for SSH: the one kept in `stateFolder`, so that agents know the gate again when it is started anew, or a new one that is kept
 * from now on. Its public half goes to `shownFolder` as known_hosts: for every name, since one gate answers for all Targets, and for each place, since
 * clients other than OpenSSH (paramiko, Go's) do not take a pattern for a place with a port.
 */
export async function keepHostKey(stateFolder: string, shownFolder: string): Promise<KeptHostKey> {
  const path = join(stateFolder, KEPT_FILE);
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  const { pem, publicLine } = openHostKey(kept);
  await keepWhole(path, pem, 0o600);
  const show = async (places: readonly ShownPlace[]): Promise<void> => {
    const hosts = ['*', ...places.map(hostsOf)];
    const text = hosts.map((host) => `${host} ${publicLine}\n`).join('');
    await keepWhole(join(shownFolder, KNOWN_HOSTS_FILE), text, 0o644);
  };
  await show([]);
  return { pem, show };
}

/** As known_hosts has them (sshd(8)). */
function hostsOf({ names, port }: ShownPlace): string {
  return [...new Set(names)].map((name) => (port === SSH_PORT ? name : `[${name}]:${port}`)).join(',');
}
