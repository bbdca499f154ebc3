interface LockedPackage {
  readonly version?: string;
  readonly license?: string;
  readonly integrity?: string;
}

/** One component of a CycloneDX 1.6 document. */
export interface Component {
  readonly type: 'library' | 'application' | 'platform';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  readonly hashes?: readonly { readonly alg: 'SHA-512'; readonly content: string }[];
}

export interface BillOfMaterials {
  readonly bomFormat: 'CycloneDX';
  readonly specVersion: '1.6';
  readonly version: 1;
  readonly metadata: { readonly component: { readonly type: 'container'; readonly name: string } };
  readonly components: readonly Component[];
}

/** Node itself is in every image, though no bundle names it. */
const ALWAYS = 'node_modules/node';

/**
 * What an image holds, in CycloneDX 1.6: the packages that `inputs` (the files that went into its bundles) come from, at the versions of
 * the lock file, and Node. Throws when a file comes from a package that the lock file does not know.
 */
export function billOfMaterials(image: string, inputs: readonly string[], lock: unknown): BillOfMaterials {
  const packages = packagesOf(lock);
  const folders = new Set([ALWAYS, ...inputs.map(packageFolder).filter((folder) => folder !== undefined)]);
  const components = [...folders].toSorted().map((folder) => {
    const locked = packages[folder];
    if (locked?.version === undefined) throw new Error(`${folder} is not in the lock file`);
    return componentOf(folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length), locked);
  });
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'container', name: `sidegate/${image}` } },
    components,
  };
}

/** `node_modules/@a/b` of `node_modules/@a/b/c/d.js`; undefined for our own files. */
function packageFolder(input: string): string | undefined {
  return /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(input)?.[0];
}

function componentOf(name: string, { version = '', license, integrity }: LockedPackage): Component {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`;
  const content = integrity?.startsWith('sha512-')
    ? Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex')
    : undefined;
  return {
    type: name === 'node' ? 'platform' : 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license === undefined ? {} : { licenses: [{ license: { id: license } }] }),
    ...(content === undefined ? {} : { hashes: [{ alg: 'SHA-512', content }] }),
  };
}

function packagesOf(lock: unknown): Readonly<Record<string, LockedPackage>> {
  if (typeof lock !== 'object' || lock === null || !('packages' in lock)) throw new Error('this is no lock file');
  return Object(lock.packages);
}
