/** What the pod's resolv.conf says of names. */
export interface NameScope {
  /** Suffixes that clients append, without a final dot, lower case. */
  readonly searches: readonly string[];
  /** The cluster's domain: `cluster.local` unless the searches tell another. */
  readonly clusterDomain: string;
}

const DEFAULT_DOMAIN = 'cluster.local';

/** Reads resolv.conf (resolv.conf(5)): of several `search` lines the last counts. */
export function readScope(resolvConf: string): NameScope {
  const lines = resolvConf.split('\n').map((line) => line.trim().split(/\s+/));
  const [, ...found] = lines.findLast(([keyword]) => keyword === 'search') ?? [];
  const searches = found.map(plainName).filter((search) => search !== '');
  const service = searches.find((search) => search.startsWith('svc.'));
  return { searches, clusterDomain: service?.slice('svc.'.length) ?? DEFAULT_DOMAIN };
}

/** Lower case, without the final dot. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * The names by which a client can mean a Target's host: a service in its short and long forms, the host as it is written, and each with a
 * suffix that the client's resolver appends before it asks. The host as written comes first.
 */
export function namesOfHost(host: string, { searches, clusterDomain }: NameScope): readonly string[] {
  const written = plainName(host);
  const service = serviceOf(written, clusterDomain);
  const forms = service === undefined ? [written] : [written, service, `${service}.svc`];
  const names = [
    ...forms,
    ...(service === undefined ? [] : [`${service}.svc.${clusterDomain}`]),
    ...(written.includes('.') ? searches.map((search) => `${written}.${search}`) : []),
  ];
  return [...new Set(names)];
}

/** The names under which the host itself is found, asked one after the other. Nothing is appended for names of another form. */
export function absoluteNames(host: string, { clusterDomain }: NameScope): readonly string[] {
  const written = plainName(host);
  if (written.endsWith('.svc')) return [`${written}.${clusterDomain}`, written];
  return /^[^.]+\.[^.]+$/.test(written) ? [written, `${written}.svc.${clusterDomain}`] : [written];
}

/** `NAME.NAMESPACE` (or longer, for a pod of a headless service) when the host names a service of the cluster. */
function serviceOf(written: string, clusterDomain: string): string | undefined {
  for (const suffix of [`.svc.${clusterDomain}`, '.svc'])
    if (written.endsWith(suffix)) return written.slice(0, -suffix.length);
  return undefined;
}
