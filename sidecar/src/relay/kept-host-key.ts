import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openHostKey } from '../protocols/ssh/host-key.ts';
import { writeWhole } from '../whole-file.ts';

const KEPT_FILE = 'ssh-host-key';
/** What agents name as their UserKnownHostsFile. */
const KNOWN_HOSTS_FILE = 'ssh_known_hosts';

/**
 * The gate's host key for SSH: the one kept in `stateFolder`, so that agents know the gate again when it is started anew, or a new one that is kept
 * from now on. Its public half goes to `shownFolder` as known_hosts, for every name: one gate answers for all Targets.
 */
export async function keepHostKey(stateFolder: string, shownFolder: string): Promise<string> {
  const path = join(stateFolder, KEPT_FILE);
  const kept = await readFile(path, 'utf8').catch(() => undefined);
  const { pem, publicLine } = openHostKey(kept);
  if (pem !== kept) await writeWhole(path, pem, 0o600);
  await writeWhole(join(shownFolder, KNOWN_HOSTS_FILE), `* ${publicLine}\n`, 0o644);
  return pem;
}
