import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresServer } from './support/postgres-server.ts';

const EXAMPLES = join(import.meta.dirname, '../examples/postgres');

/** The account that the gate logs in with: it owns the tables, so that what is refused is refused by the gate. */
export const LOGIN = 'orders_app';

/** The groups that the stage's tokens carry unless a test says otherwise. */
export const GROUPS: readonly string[] = ['support-agents'];

/** Two customers' worth of everything that the example policy masks, and orders to work on. */
export function demoSchema(loginPassword: string): string {
  return `
CREATE TABLE customers (id int PRIMARY KEY, name text NOT NULL, email text, ssn text, card text, notes jsonb);
CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES customers, item text NOT NULL,
  amount numeric(10, 2) NOT NULL, status text NOT NULL, placed_at timestamptz NOT NULL);
CREATE VIEW contacts AS SELECT id, name, email AS contact FROM customers;
INSERT INTO customers VALUES
  (1, 'Ada Lovelace', 'ada@example.com', '536-90-4399', '4111 1111 1111 1111', '{"phone": "+44 20 7946 0958"}'),
  (2, 'Grace Hopper', 'grace@example.com', '536-90-4471', '5500 0055 5555 5559', '{"tier": "gold"}'),
  (3, 'Edsger Dijkstra', 'edsger@example.com', '536-90-4522', NULL, NULL);
INSERT INTO orders SELECT n, 1 + n % 3, 'item ' || n, n * 9.99, CASE WHEN n % 4 = 0 THEN 'returned' ELSE 'shipped' END,
  timestamptz '2026-01-01 00:00:00Z' + n * interval '1 day' FROM generate_series(1, 20) AS n;
CREATE ROLE ${LOGIN} LOGIN PASSWORD '${loginPassword}';
ALTER TABLE customers OWNER TO ${LOGIN};
ALTER TABLE orders OWNER TO ${LOGIN};
ALTER VIEW contacts OWNER TO ${LOGIN};
GRANT CREATE ON SCHEMA public TO ${LOGIN};
`;
}

export interface StageFileOptions {
  readonly postgres: Pick<PostgresServer, 'port' | 'database' | 'certificates'>;
  readonly loginPassword: string;
  readonly issuerUrl: string;
  readonly audience: string;
  readonly identity: 'Token' | 'Workload';
}

/** The resources of a stage, by file name: the example's policy, and a Target, an AgentAccess and a Configuration for these servers. */
export function stageFiles(options: StageFileOptions): Readonly<Record<string, string>> {
  return {
    'access.yaml': accessFile(options.identity, 'orders-db'),
    'configuration.yaml': configurationFile({ ...options, url: options.issuerUrl }),
    'policy.yaml': readFileSync(join(EXAMPLES, 'policy.yaml'), 'utf8'),
    'target.yaml': targetFile(options),
  };
}

/** The Policy `data/guard`; `spec`: the lines below its `spec:`. */
export function policyFile(spec: string): string {
  return `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: guard, namespace: data}
spec:
${spec}`;
}

/** The AgentAccess of a stage: `support-bot` may use the Target of that name in the namespace data. */
export function accessFile(identity: 'Token' | 'Workload', target: string): string {
  return `apiVersion: sidegate.dev/v1alpha1
kind: AgentAccess
metadata: {name: support-bot, namespace: agents}
spec:
  podSelector: {matchLabels: {app: support-bot}}
  identity: {source: ${identity}, issuers: [corporate]}
  targetRefs:
    - {namespace: data, name: ${target}}
  defaultAction: Allow
`;
}

export interface ConfigurationOptions {
  readonly url: string;
  readonly audience: string;
  readonly identity: 'Token' | 'Workload';
  /** The subject of whoever decides; default: nobody. */
  readonly owner?: string | undefined;
  readonly ownerGroups?: readonly string[];
}

/** The Configuration of a stage: whose tokens count, and who decides. */
export function configurationFile({ url, audience, identity, owner, ownerGroups = [] }: ConfigurationOptions): string {
  return `apiVersion: sidegate.dev/v1alpha1
kind: Configuration
operatorNamespace: sidegate
issuers:
  - {name: corporate, url: '${url}', audiences: [${audience}]}
${identity === 'Workload' ? `workloadTokenFile: ./${WORKLOAD_TOKEN_FILE}\n` : ''}${owner === undefined ? '' : `owner: {subject: ${owner}, groups: [${ownerGroups.join(', ')}]}\n`}`;
}

/** Beside the resources; written by the stage, read by the gate for each connection. */
export const WORKLOAD_TOKEN_FILE = 'workload.token';

function targetFile({ postgres, loginPassword }: StageFileOptions): string {
  const { certificates, database, port } = postgres;
  const { tls, authority } = tlsFiles(certificates?.authority, 'orders-db-ca');
  return `apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata: {name: orders-db, namespace: data}
spec:
  protocol: Postgres
  host: localhost
  port: ${port}
  postgres: {databases: [${database}]}
  ${tls}
  credential: {secretRef: {name: orders-db-login}}
  allowedNamespaces: {from: All}
  defaultAction: Allow
---
apiVersion: v1
kind: Secret
metadata: {name: orders-db-login, namespace: data}
type: sidegate.dev/credential
stringData:
  username: ${LOGIN}
  password: ${loginPassword}
  hosts: localhost
${authority}`;
}

/** A Target's `tls:` line, and the ConfigMap of the authority that it names, as one more document; undefined: no TLS. */
export function tlsFiles(
  authority: string | undefined,
  name: string,
): { readonly tls: string; readonly authority: string } {
  if (authority === undefined) return { tls: 'tls: {mode: Disable}', authority: '' };
  return {
    tls: `tls: {mode: VerifyFull, caCertificateRefs: [{kind: ConfigMap, name: ${name}, key: ca.crt}]}`,
    authority: `---
apiVersion: v1
kind: ConfigMap
metadata: {name: ${name}, namespace: data}
data:
  ca.crt: |
${authority.trim().replaceAll(/^/gm, '    ')}
`,
  };
}
