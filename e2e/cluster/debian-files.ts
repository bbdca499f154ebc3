import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { cacheFolder } from '../support/cache-folder.ts';
import { run } from './node-network.ts';

/** What nobody reads in a test image. */
const LEFT_OUT =
  /^\/(?:bin|sbin|lib|lib64)$|^\/usr\/share\/(?:doc|man|locale|info|lintian|bash-completion|bug|perl5)\/|\/__pycache__\//;

/** What an installation would have written. */
const WRITTEN: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\nagent:x:1000:1000:agent:/tmp:/bin/sh\n',
  group: 'root:x:0:\nagent:x:1000:\n',
  'nsswitch.conf': 'hosts: files dns\n',
};

/** Only installers need these. */
const NOT_NEEDED: ReadonlySet<string> = new Set([
  'dpkg',
  'init-system-helpers',
  'perl',
  'usr-is-merged',
  'debianutils',
]);

/** The version and the dependencies of an installed package, with a tab between. */
function installed(name: string): string | undefined {
  const format = '${db:Status-Status}\t${Version}\t${Pre-Depends},${Depends}\n';
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', format, name], { encoding: 'utf8' });
  return /^installed\t(.*)$/m.exec(stdout)?.[1];
}

/** Packages and all they depend on, of what is installed on this machine, with versions. */
function closureOf(packages: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const queue = [...packages];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (found.has(name) || NOT_NEEDED.has(name)) continue;
    const line = installed(name);
    if (line === undefined) continue;
    const [version = '', depends = ''] = line.split('\t');
    found.set(name, version);
    // An alternative that is not installed is none.
    for (const one of depends.split(/[,|]/)) queue.push(one.trim().split(/[ (:]/)[0] ?? '');
  }
  return found;
}

/**
 * A tar archive with the files of Debian packages that are installed on this machine, with all they depend on: a small system of the same
 * programs, made in seconds without a network. Kept by the packages' versions. Undefined where there is no dpkg, or a package is missing.
 */
export function debianArchive(packages: readonly string[]): string | undefined {
  if (spawnSync('dpkg-query', ['--version'], { stdio: 'ignore' }).status !== 0) return undefined;
  const closure = closureOf(packages);
  if (packages.some((name) => !closure.has(name))) return undefined;
  const key = createHash('sha256')
    .update(
      JSON.stringify([JSON.stringify(WRITTEN), 'ld.so.cache', ...[...closure].map((one) => one.join(' ')).toSorted()]),
    )
    .digest('hex')
    .slice(0, 16);
  const archive = join(cacheFolder(), 'images', `debian-${key}.tar`);
  if (existsSync(archive)) return archive;
  const root = `${archive}.${process.pid}`;
  rmSync(root, { recursive: true, force: true });
  for (const name of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'tmp', 'etc', 'proc', 'sys', 'dev', 'run'])
    mkdirSync(join(root, name), { recursive: true });
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(root, name));
  for (const [name, text] of Object.entries(WRITTEN)) writeFileSync(join(root, 'etc', name), text);
  run('chmod', '1777', join(root, 'tmp'));
  const files = run('dpkg', '-L', ...closure.keys())
    .split('\n')
    .map(pathToCopy);
  // What is where, for programs that look for a library by its name.
  files.push('etc/ld.so.cache');
  const list = [...new Set(files.filter((path) => path !== undefined))].join('\n');
  run('tar', '-C', root, '-cf', `${archive}.new`, '.');
  const { status, stderr } = spawnSync(
    'tar',
    ['-C', '/', '--no-recursion', '-rf', `${archive}.new`, '--files-from=-'],
    { input: list, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the files of packages cannot be packed: ${stderr}`);
  renameSync(`${archive}.new`, archive);
  rmSync(root, { recursive: true });
  return archive;
}

/** Relative to the root. /bin and /lib are links to their namesakes in /usr; packages name either. */
function pathToCopy(path: string): string | undefined {
  if (!path.startsWith('/') || LEFT_OUT.test(path)) return undefined;
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry === undefined || entry.isDirectory()) return undefined;
  return join(realpathSync(dirname(path)), basename(path)).slice(1);
}
