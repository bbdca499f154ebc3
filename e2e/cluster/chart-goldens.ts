import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** Values of the chart, and whether the cluster has MutatingAdmissionPolicy. */
export interface Golden {
  readonly name: string;
  readonly settings: readonly string[];
  readonly byPolicy: boolean;
}

/**
 * What the chart makes with the plain values is `deploy/sidegate.yaml`, whole. The golden of these values is the list of its objects, and
 * each other golden is what differs from it.
 */
const PLAIN: Golden = { name: 'plain', settings: [], byPolicy: true };

export const GOLDENS: readonly Golden[] = [
  PLAIN,
  { name: 'webhook', settings: [], byPolicy: false },
  {
    name: 'given-certificates',
    settings: ['certificates.source=CertManager', 'clusterDomain=one.example'],
    byPolicy: true,
  },
  {
    name: 'monitoring',
    settings: ['monitoring.enabled=true', 'monitoring.dashboard=true', 'monitoring.labels.release=metrics'],
    byPolicy: true,
  },
  {
    name: 'store-elsewhere',
    settings: [
      'store.enabled=false',
      'store.url=https://store.example.com',
      'networkPolicies.enabled=false',
      'monitoring.enabled=true',
    ],
    byPolicy: true,
  },
  {
    name: 'small',
    settings: [
      'crds.enabled=false',
      'image.registry=registry.example.com/',
      'image.pullSecrets[0].name=registry-login',
      'certificates.source=Existing',
      'operator.replicas=1',
      'operator.targetNamespaces={data}',
      'operator.nodeSelector.pool=system',
      'operator.tolerations[0].operator=Exists',
      'operator.podAnnotations.team=platform',
      'store.persistence.enabled=false',
      'store.maxBytes=5Gi',
      'injection.upstreamDns={10.1.0.10}',
    ],
    byPolicy: true,
  },
  {
    name: 'full',
    settings: [
      'image.tag=0.1.0',
      'image.pullPolicy=Always',
      'crds.keep=false',
      'injection.mode=Policy',
      'injection.startClosed=true',
      'injection.allowServiceAccountTokens=true',
      'injection.egress=Locked',
      'injection.egressAllowedCIDRs={10.20.0.0/16,fd00::/8}',
      'operator.configuration.approvers.users[0].user=jane',
      'operator.configuration.approvers.users[0].subject=jane@example.com',
      'operator.staleAfterSeconds=30',
      'operator.failClosedAfterSeconds=600',
      'operator.resources.limits.cpu=1',
      'store.persistence.size=1Gi',
      'store.persistence.storageClassName=fast',
      'store.maxAgeDays=30',
      'store.resources.limits.cpu=1',
      'store.nodeSelector.disk=fast',
      'store.tolerations[0].key=store',
      'store.tolerations[0].operator=Exists',
      'store.podAnnotations.team=platform',
    ],
    byPolicy: true,
  },
];

export function goldenFile(name: string): string {
  return join(import.meta.dirname, 'goldens', `${name}.txt`);
}

/** The text of a golden: `plain` is what the plain values make, `made` what the golden's make. */
export function goldenOf({ name, settings, byPolicy }: Golden, plain: string, made: string): string {
  const header = [
    ...settings.map((one) => `# --set ${one}`),
    ...(byPolicy ? [] : ['# The cluster has no MutatingAdmissionPolicy.']),
  ];
  const lines = name === PLAIN.name ? namesOf(made) : difference(plain, made);
  return `${[...header, ...lines].join('\n')}\n`;
}

function namesOf(text: string): readonly string[] {
  return objectsIn(text).map(({ title }) => title);
}

/** Objects that are gone or new in one line each (new ones with what is in them), and changed fields of the others. */
function difference(plain: string, made: string): readonly string[] {
  const before = new Map(objectsIn(plain).map(({ title, fields }) => [title, fields]));
  const after = new Map(objectsIn(made).map(({ title, fields }) => [title, fields]));
  return [...new Set([...before.keys(), ...after.keys()])].toSorted().flatMap((title) => {
    const [old, now] = [before.get(title), after.get(title)];
    if (now === undefined) return [`- ${title}`];
    if (old === undefined) return [`+ ${title}`, ...now.map((line) => `    ${line}`)];
    const gone = old.filter((line) => !now.includes(line)).map((line) => `  - ${line}`);
    const added = now.filter((line) => !old.includes(line)).map((line) => `  + ${line}`);
    return gone.length + added.length === 0 ? [] : [`  ${title}`, ...gone, ...added];
  });
}

interface ChartObject {
  readonly title: string;
  /** One line for each value, with its path. */
  readonly fields: readonly string[];
}

/** Sorted by kind and name. Two objects of one name are a fault of the chart: throws. */
function objectsIn(text: string): readonly ChartObject[] {
  const objects = parseAllDocuments(text).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw new Error(`The chart makes text that is no YAML: ${error.message}`);
    const value: unknown = document.toJS({ maxAliasCount: 100 });
    return isRecord(value) ? [objectOf(value)] : [];
  });
  const titles = new Set(objects.map(({ title }) => title));
  if (titles.size !== objects.length) throw new Error('The chart makes two objects of one name.');
  return objects.toSorted((one, other) => (one.title < other.title ? -1 : 1));
}

function objectOf({ apiVersion, kind, metadata, ...rest }: Readonly<Record<string, unknown>>): ChartObject {
  const { name, namespace, labels, ...others } = isRecord(metadata) ? metadata : {};
  const place = typeof namespace === 'string' ? `${namespace}/` : '';
  // The labels that every object has say nothing.
  const own = Object.entries(isRecord(labels) ? labels : {}).filter(([key]) => !key.startsWith('app.kubernetes.io/'));
  const marks = own.length === 0 ? others : { ...others, labels: Object.fromEntries(own) };
  const metadataFields = Object.entries(marks).flatMap(([key, value]) => fieldsOf(`metadata.${key}`, value));
  return {
    title: `${String(kind)} ${place}${String(name)} (${String(apiVersion)})`,
    fields: [...metadataFields, ...Object.entries(rest).flatMap(([key, value]) => fieldsOf(key, value))],
  };
}

/** Items of a list are told by their name, or stand in one line each, so that one more moves no other. */
function fieldsOf(path: string, value: unknown): readonly string[] {
  if (Array.isArray(value) && value.length > 0)
    return value.flatMap((item: unknown) => {
      const name = isRecord(item) ? item['name'] : undefined;
      return typeof name === 'string' ? fieldsOf(`${path}[${name}]`, item) : [`${path}[]: ${textOf(item)}`];
    });
  if (isRecord(value) && Object.keys(value).length > 0)
    return Object.entries(value).flatMap(([key, one]) => fieldsOf(`${path}.${key}`, one));
  return [`${path}: ${textOf(value)}`];
}

/** A digest changes with every letter, and a text of several lines (a dashboard) has a file of its own. */
function textOf(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value);
  if (/^[0-9a-f]{64}$/.test(value)) return '(digest)';
  if (value.includes('\n')) return '(text of several lines)';
  return value === '' ? '""' : value;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
