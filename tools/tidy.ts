import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';

/** One tracked file, its path relative to the root. */
export interface TrackedFile {
  readonly path: string;
  readonly text: string;
}

const CODE_LINES_MAX = 400;

/** Generated files, the lock file and these rules themselves, which must spell what they forbid. */
const EXEMPT =
  /(?:^|\/)(?:generated|golden)\/|(?:^|\/)go\.(?:sum|mod)$|^package-lock\.json$|^tools\/tidy(?:\.test)?\.ts$/;

const FORBIDDEN_NAME = /(?:^|[-./])(?:utils?|helpers?|commons?|managers?|misc|stuff)(?=[-./]|$)/;
const CODE_NAME = /^(?:\.[a-z]+\/)?(?:[a-z0-9@._-]+\/)*[a-z0-9.-]+$/;

const FORBIDDEN_TEXT: readonly (readonly [what: string, pattern: RegExp])[] = [
  [
    'a path of one machine',
    /(?<![\w.])\/(?:work\/|home\/(?!(?:alice|bob)\/)\w+\/|root\/(?!\.ssh\b)|tmp\/(?:wt|brief)\b|Users\/\w+\/)/,
  ],
  ['a registry host', /registry\.(?:npmjs|yarnpkg)\.|"resolved": "https?:|pypi\.org\/simple|proxy\.golang\.org/],
  ['an issue number', /\b(?:issue|pull request)s? #?\d+\b|\b(?!pkcs)[a-z][\w-]+#\d{2,}\b/i],
  ['who wrote it', /\b(?:claude|anthropic|chatgpt|copilot|subagents?|helper agents?|coordinator)\b/i],
  ['another product', /\b(?:teleport|hoopinspect|hoop\.dev|strongdm|hashicorp|mitmproxy|pgcat)\b/i],
  ['a note for later', /\b(?:TODO|FIXME)\b/],
  ['marketing', /\b(?:blazing(?:ly)?|seamless(?:ly)?|world-class|cutting-edge|effortless(?:ly)?|enterprise-grade)\b/i],
  ['a merge mark', /^(?:<{7}|>{7}) /m],
];

/** Every breach of the rules for names, lengths and words, one line each: `path:line what`. */
export function untidy(files: readonly TrackedFile[]): readonly string[] {
  return files
    .filter((file) => !EXEMPT.test(file.path))
    .flatMap((file) => [...nameBreaches(file.path), ...textBreaches(file)]);
}

function nameBreaches(path: string): readonly string[] {
  const breaches: string[] = [];
  if (FORBIDDEN_NAME.test(path)) breaches.push(`${path} has a name that says nothing`);
  if (/\.[jt]s$/.test(path) && !CODE_NAME.test(path)) breaches.push(`${path} is not kebab-case`);
  return breaches;
}

function textBreaches({ path, text }: TrackedFile): readonly string[] {
  const breaches: string[] = [];
  const lines = text.split('\n');
  if (/\.[jt]s$/.test(path) && lines.length - 1 > CODE_LINES_MAX) {
    breaches.push(`${path} has ${lines.length - 1} lines, at most ${CODE_LINES_MAX} are allowed`);
  }
  for (const [index, line] of lines.entries()) {
    for (const [what, pattern] of FORBIDDEN_TEXT) {
      const found = pattern.exec(line);
      if (found !== null) breaches.push(`${path}:${index + 1} names ${what}: ${found[0].trim()}`);
    }
  }
  return breaches;
}

/** Runtime dependencies (of any workspace's package.json) that have no line in DECISIONS.md, and lines that have no dependency. */
export function undecided(files: readonly TrackedFile[]): readonly string[] {
  const decisions = files.find((file) => file.path === 'DECISIONS.md')?.text ?? '';
  const decided = new Set([...decisions.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? ''));
  const used = new Map<string, string>();
  for (const file of files) {
    if (!/^(?:[a-z0-9]+\/)?package\.json$/.test(file.path)) continue;
    for (const name of runtimeDependencies(file.text)) used.set(name, file.path);
  }
  return [
    ...[...used]
      .filter(([name]) => !decided.has(name))
      .map(([name, path]) => `${path}: ${name} has no line in DECISIONS.md`),
    ...[...decided].filter((name) => !used.has(name)).map((name) => `DECISIONS.md: ${name} is no runtime dependency`),
  ];
}

function runtimeDependencies(text: string): readonly string[] {
  const manifest: unknown = JSON.parse(text);
  if (typeof manifest !== 'object' || manifest === null || !('dependencies' in manifest)) return [];
  return Object.keys(Object(manifest.dependencies)).filter((name) => !name.startsWith('@sidegate/'));
}

/**
 * The tracked files of the work tree; without git, all that is there. Files that hold a NUL byte
 * are left out.
 */
export function trackedFiles(root: string): readonly TrackedFile[] {
  const { stdout, status } = spawnSync('git', ['ls-files', '-z', '--cached'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  const paths = status === 0 && stdout !== '' ? stdout.split('\0') : pathsOnDisk(root);
  const files: TrackedFile[] = [];
  for (const path of new Set(paths)) {
    const text = path === '' ? undefined : textOf(join(root, path));
    if (text !== undefined && !text.includes('\0')) files.push({ path, text });
  }
  return files;
}

function pathsOnDisk(root: string): readonly string[] {
  const entries = readdirSync(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((path) => !/(?:^|\/)(?:node_modules|dist|coverage|\.git|\.sidegate)\//.test(path));
}

/** Undefined for what is deleted but not yet committed, and for links to folders. */
function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const files = trackedFiles(process.cwd());
  const breaches = [...untidy(files), ...undecided(files)];
  for (const breach of breaches) process.stderr.write(`tidy: ${breach}\n`);
  process.stderr.write(`tidy: ${files.length} files\n`);
  process.exitCode = files.length > 0 && breaches.length === 0 ? 0 : 1;
}
