import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeFault, type Snapshot } from '@sidegate/crds';
import { type ReadOptions, readFolder } from './read-folder.ts';

export const MASK_KEY = '0f'.repeat(32);

/** The smallest good folder; tests change one thing in it. */
export const FILES: Readonly<Record<string, string>> = {
  'access.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: AgentAccess
metadata: {name: bot, namespace: agents}
spec:
  podSelector: {}
  identity: {source: Token, issuers: [corporate]}
  targetRefs:
    - {namespace: data, name: orders}
`,
  'configuration.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: Configuration
issuers:
  - {name: corporate, url: https://login.example.com, audiences: [sidegate]}
`,
  'policy.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: Policy
metadata: {name: rules, namespace: data}
spec:
  rules:
    - name: no-ddl
      action: Deny
    - name: writes
      action: Deny
      when: 'true'
`,
  'target.yaml': `apiVersion: sidegate.dev/v1alpha1
kind: Target
metadata:
  name: orders
  namespace: data
spec:
  protocol: Postgres
  host: db.local
  port: 5432
  credential: {secretRef: {name: login}}
  allowedNamespaces: {from: All}
---
apiVersion: v1
kind: Secret
metadata: {name: login, namespace: data}
type: sidegate.dev/credential
stringData:
  username: agent
  password: pa55
  hosts: db.local
`,
};

/** One change of the good folder: in `file`, `from` becomes `to`; an empty `from` adds at the end. */
export type Change = readonly [file: string, from: string, to: string];

/** A folder of resource files for one test. */
export class FolderFixture {
  readonly path: string;

  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<FolderFixture> {
    return new FolderFixture(await mkdtemp(join(tmpdir(), 'sidegate-files-')));
  }

  async remove(): Promise<void> {
    await rm(this.path, { recursive: true });
  }

  async write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) await writeFile(join(this.path, name), text);
  }

  async writeChanged([file, from, to]: Change): Promise<void> {
    const text = FILES[file] ?? '';
    if (from !== '' && !text.includes(from)) throw new Error(`${file} does not hold ${from}`);
    await this.write({ ...FILES, [file]: from === '' ? text + to : text.replace(from, to) });
  }

  /** The faults of the folder, one line each, as a person sees them, with the folder's own path left out. */
  async faults(options: Partial<ReadOptions> = {}): Promise<readonly string[]> {
    const result = await readFolder(this.path, { maskKey: MASK_KEY, ...options });
    const faults = result.ok ? [] : result.fault;
    return faults.map((fault) => `${fault.code} ${describeFault(fault)}`.replaceAll(`${this.path}/`, ''));
  }

  async snapshot(options: Partial<ReadOptions> = {}): Promise<Snapshot> {
    const result = await readFolder(this.path, { maskKey: MASK_KEY, ...options });
    if (!result.ok) throw new Error(result.fault.map(describeFault).join('\n'));
    return result.value;
  }
}
