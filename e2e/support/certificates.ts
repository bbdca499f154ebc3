import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A certificate authority of a test's own and one server certificate from it, as files and as PEM. */
export interface Certificates {
  readonly authorityFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/**
 * Makes both in `folder` with the openssl program, good for `days` (default 30) and for `names` (DNS names and addresses; default
 * localhost and 127.0.0.1). A test about expiry may ask for a day in the past: -1. `issuer`: the folder of an authority that was made before.
 */
export function makeCertificates(
  folder: string,
  names: readonly string[] = ['localhost', '127.0.0.1'],
  days = 30,
  issuer?: string,
): Certificates {
  const file = (name: string): string => join(folder, name);
  const authorityFile = join(issuer ?? folder, 'ca.crt');
  const authorityKeyFile = join(issuer ?? folder, 'ca.key');
  const certificateFile = file('server.crt');
  const keyFile = file('server.key');
  const alternatives = names.map((name) => `${/^[\d.]+$|:/.test(name) ? 'IP' : 'DNS'}:${name}`).join(',');
  // Nodes of a cluster show it to each other as clients, too.
  writeFileSync(file('server.ext'), `subjectAltName=${alternatives}\nextendedKeyUsage=serverAuth,clientAuth\n`);

  if (issuer === undefined) {
    const root = ['-keyout', authorityKeyFile, '-out', authorityFile, '-days', '30', '-subj', '/CN=Test root'];
    openssl('req', '-x509', ...NEW_KEY, ...root);
  }
  openssl(
    'req',
    '-new',
    ...NEW_KEY,
    '-keyout',
    keyFile,
    '-out',
    file('server.csr'),
    '-subj',
    `/CN=${names[0] ?? 'localhost'}`,
  );
  const signing = ['-CA', authorityFile, '-CAkey', authorityKeyFile, '-CAcreateserial', '-CAserial', file('ca.srl')];
  const validity = ['-days', String(days), '-extfile', file('server.ext')];
  openssl('x509', '-req', '-in', file('server.csr'), ...signing, ...validity, '-out', certificateFile);
  chmodSync(keyFile, 0o600);

  const read = (path: string): string => readFileSync(path, 'utf8');
  return {
    authorityFile,
    certificateFile,
    keyFile,
    authority: read(authorityFile),
    certificate: read(certificateFile),
    key: read(keyFile),
  };
}

function openssl(...parameters: string[]): void {
  const { status, stderr, error } = spawnSync('openssl', parameters, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${parameters[0]} failed: ${error?.message ?? stderr}`);
}
