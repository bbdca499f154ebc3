import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

function openssl(...parameters: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', parameters, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ${parameters.join(' ')}: ${stderr}`);
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

interface Certificate {
  readonly name: string;
  readonly subject: string;
  readonly alternatives?: string;
  readonly signer?: string;
}

/** Every certificate of a one-node cluster, by the file name that the node's programs are given. */
const certificatesOf = (node: string): readonly Certificate[] => [
  {
    name: 'apiserver',
    subject: '/CN=kube-apiserver',
    alternatives: `DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,DNS:localhost,IP:10.96.0.1,IP:127.0.0.1,IP:${node}`,
  },
  { name: 'apiserver-kubelet', subject: '/O=system:masters/CN=apiserver-kubelet-client' },
  { name: 'admin', subject: '/O=system:masters/CN=admin' },
  { name: 'controller-manager', subject: '/CN=system:kube-controller-manager' },
  { name: 'scheduler', subject: '/CN=system:kube-scheduler' },
  { name: 'proxy', subject: '/CN=system:kube-proxy' },
  { name: 'dns', subject: '/O=system:masters/CN=dns' },
  { name: 'kubelet', subject: '/O=system:nodes/CN=system:node:node1', alternatives: `DNS:node1,IP:${node}` },
  { name: 'front', subject: '/CN=front-proxy-client', signer: 'front-ca' },
];

function selfSign(folder: string, name: string): void {
  openssl(
    'req',
    '-x509',
    ...EC_KEY,
    '-keyout',
    join(folder, `${name}.key`),
    '-out',
    join(folder, `${name}.crt`),
    '-days',
    '30',
    '-subj',
    `/CN=${name}`,
  );
}

function sign(folder: string, { name, subject, alternatives, signer = 'ca' }: Certificate): void {
  const file = (ending: string): string => join(folder, `${name}.${ending}`);
  const lines = ['basicConstraints=CA:FALSE', 'keyUsage=digitalSignature', 'extendedKeyUsage=serverAuth,clientAuth'];
  if (alternatives !== undefined) lines.push(`subjectAltName=${alternatives}`);
  writeFileSync(file('ext'), `${lines.join('\n')}\n`);
  openssl('req', '-new', ...EC_KEY, '-keyout', file('key'), '-out', file('csr'), '-subj', subject);
  const by = ['-CA', join(folder, `${signer}.crt`), '-CAkey', join(folder, `${signer}.key`), '-CAcreateserial'];
  openssl('x509', '-req', '-in', file('csr'), ...by, '-days', '30', '-extfile', file('ext'), '-out', file('crt'));
}

/** Makes the authorities, certificates, service-account key and kubeconfigs of a cluster in `folder`, whose API server is at that port of that address. */
export function makeAuthority(folder: string, node: string, port: number): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  selfSign(folder, 'ca');
  selfSign(folder, 'front-ca');
  for (const certificate of certificatesOf(node)) sign(folder, certificate);
  openssl('genrsa', '-out', join(folder, 'sa.key'), '2048');
  openssl('rsa', '-in', join(folder, 'sa.key'), '-pubout', '-out', join(folder, 'sa.pub'));
  for (const name of ['admin', 'controller-manager', 'scheduler', 'proxy', 'kubelet', 'dns']) {
    writeFileSync(join(folder, `${name}.kubeconfig`), kubeconfig(folder, name, `https://${node}:${port}`), {
      mode: 0o600,
    });
  }
}

function kubeconfig(folder: string, user: string, server: string): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'sidegate-e2e', cluster: { server, 'certificate-authority': join(folder, 'ca.crt') } }],
    users: [
      {
        name: user,
        user: { 'client-certificate': join(folder, `${user}.crt`), 'client-key': join(folder, `${user}.key`) },
      },
    ],
    contexts: [{ name: 'sidegate-e2e', context: { cluster: 'sidegate-e2e', user } }],
    'current-context': 'sidegate-e2e',
  });
}
