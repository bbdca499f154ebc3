import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse, parseAllDocuments } from 'yaml';
import { COMMANDS } from '../cli/src/commands.ts';
import { runProgram } from '../cli/src/program.ts';
import { TestTerminal } from '../cli/src/testing/test-terminal.ts';
import { IMAGES } from '../images/programs.ts';
import { type TemporaryFolder, temporaryFolder } from './support/temporary-folder.ts';

const ROOT = join(import.meta.dirname, '..');
const GATE = join(ROOT, 'examples', 'compose', 'gate');
/** Written by who uses the example, and kept out of the repository. */
const OWN_FILES = ['./examples/compose/gate/password.txt', './examples/compose/superuser-password.txt'];

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly networks?: readonly string[];
  readonly network_mode?: string;
  readonly ports?: readonly unknown[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>;
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly networks: Readonly<Record<string, { readonly internal?: boolean }>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
}

const compose: Compose = parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8'));

function service(name: string): Service {
  const found = compose.services[name];
  if (found === undefined) throw new Error(`compose.yaml has no service ${name}.`);
  return found;
}

/** The services that share a network with this one. */
function neighbours(name: string): readonly string[] {
  const own = service(name).networks ?? [];
  return Object.entries(compose.services)
    .filter(([other, { networks = [] }]) => other !== name && networks.some((one) => own.includes(one)))
    .map(([other]) => other);
}

/** The example as its user has it. */
function exampleFolder(password: string | undefined): TemporaryFolder {
  const folder = temporaryFolder('compose');
  for (const name of ['access', 'configuration', 'policy', 'target'])
    cpSync(join(GATE, `${name}.yaml`), folder.file(`${name}.yaml`));
  if (password !== undefined) writeFileSync(folder.file('password.txt'), password);
  return folder;
}

async function validate(path: string): Promise<{ readonly code: number; readonly terminal: TestTerminal }> {
  const terminal = new TestTerminal();
  return { code: await runProgram(COMMANDS, ['validate', '-f', path], terminal), terminal };
}

test('the resources are valid once the password is there, and not before', async () => {
  using folder = exampleFolder('pa55\n');
  const { code, terminal } = await validate(folder.path);
  expect([terminal.errors, code]).toEqual([[], 0]);
  expect(terminal.written).toContain('1 Target, 1 AgentAccess, 1 Policy, 1 door.');
  using without = exampleFolder(undefined);
  const refused = await validate(without.path);
  expect(refused.code).toBe(1);
  expect(refused.terminal.errors).toEqual([expect.stringContaining('password-file')]);
});

test('the agent reaches the gate alone, and the database is reached by the gate alone', () => {
  expect(neighbours('agent')).toEqual(['sidegate']);
  expect(neighbours('postgres')).toEqual(['sidegate']);
  expect(neighbours('sidegate').toSorted()).toEqual(['agent', 'postgres']);
});

test('the networks of agent and database lead nowhere else, and no port is published', () => {
  for (const name of ['agent', 'postgres']) {
    const { networks = [] } = service(name);
    expect(networks).toHaveLength(1);
    expect(networks.map((network) => compose.networks[network]?.internal)).toEqual([true]);
  }
  for (const one of Object.values(compose.services)) {
    expect(one.ports).toBeUndefined();
    expect([undefined, 'none']).toContain(one.network_mode);
    // Without either, Compose would put it on a network of all.
    expect(one.networks !== undefined || one.network_mode === 'none').toBe(true);
  }
});

test('every name that is used is there', () => {
  const names = (value: Service['depends_on']): readonly string[] =>
    value === undefined ? [] : Array.isArray(value) ? value : Object.keys(value);
  for (const one of Object.values(compose.services)) {
    for (const network of one.networks ?? []) expect(compose.networks).toHaveProperty([network]);
    for (const secret of one.secrets ?? []) expect(compose.secrets).toHaveProperty([secret]);
    for (const other of names(one.depends_on)) expect(compose.services).toHaveProperty([other]);
  }
});

test('what is mounted is there, or is a volume, or is what its user writes', () => {
  const sources = Object.values(compose.services).flatMap(({ volumes = [] }) =>
    volumes.map((one) => one.split(':')[0]),
  );
  for (const source of sources) {
    if (source?.startsWith('.') === true) expect([source, existsSync(join(ROOT, source))]).toEqual([source, true]);
    else expect(compose.volumes).toHaveProperty([source ?? '']);
  }
  const files = Object.values(compose.secrets).map(({ file }) => file);
  expect(files.toSorted()).toEqual(OWN_FILES.toSorted());
});

test('neither password is in the agent, and only its own reaches the gate', () => {
  const { volumes, secrets } = service('agent');
  expect([volumes, secrets]).toEqual([undefined, undefined]);
  expect(service('sidegate').secrets).toBeUndefined();
  expect(service('sidegate').volumes?.map((one) => one.split(':')[0])).toEqual(['./examples/compose/gate', 'state']);
});

test('the gate of the image runs the mounted folder', () => {
  const { image, command, volumes = [] } = service('sidegate');
  expect(image).toBe('sidegate/cli:dev');
  const bundles = IMAGES.find(({ name }) => image === `sidegate/${name}:dev`)?.bundles ?? {};
  expect(Object.keys(bundles)).toEqual(expect.arrayContaining(['sidegate', 'gate', 'uplink-worker', 'store']));
  expect(command).toEqual(['run', '-f', volumes[0]?.split(':')[1]]);
});

test('the Target, the agent and the login mean the services of the file', () => {
  const [target, secret] = parseAllDocuments(readFileSync(join(GATE, 'target.yaml'), 'utf8')).map((one) => one.toJS());
  expect(target.spec.postgres.databases).toEqual([service('postgres').environment?.['POSTGRES_DB']]);
  expect(compose.services).toHaveProperty([target.spec.host]);
  expect(service('agent').environment).toMatchObject({
    PGHOST: 'sidegate',
    PGPORT: String(target.spec.port),
    PGDATABASE: target.spec.postgres.databases[0],
  });
  const sql = readFileSync(join(ROOT, 'examples/compose/database/orders.sql'), 'utf8');
  expect(sql).toContain(`CREATE ROLE ${secret.stringData.username} LOGIN PASSWORD :'login_password'`);
  expect(sql).toContain('`cat /run/secrets/login-password`');
});
