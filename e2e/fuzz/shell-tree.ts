import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { readShell } from '../../sidecar/src/protocols/ssh/shell/read-shell.ts';
import type { ShellReading } from '../../sidecar/src/protocols/ssh/shell/syntax.ts';
import { builtOnce } from '../support/cache-folder.ts';
import { findGo } from '../support/go.ts';
import { runProcess } from '../support/processes.ts';

/** What mvdan.cc/sh reads of a text, in the form of `shell-parser/main.go`. */
interface ParserReading {
  readonly commands: readonly {
    readonly words: readonly (string | null)[];
    readonly redirects: readonly { readonly operator: string; readonly target: string | null }[];
  }[];
  readonly assigned: readonly string[];
}

/** mvdan.cc/sh as a program: takes texts without zero bytes, gives what it reads of each, null for what it refuses. */
export type ShellParser = (texts: readonly string[]) => readonly (ParserReading | null)[];

/** Builds the parser, or says why it cannot be had. */
export async function openShellParser(): Promise<ShellParser | string> {
  const go = findGo();
  if (go === undefined) return 'Go 1.26 is not installed';
  const source = join(import.meta.dirname, 'shell-parser');
  const files = ['go.mod', 'go.sum', 'main.go'].map((file) => join(source, file));
  const folder = await builtOnce('shell-parser', files, [go.version], async (into) => {
    const { code, stderr } = await runProcess(go.program, ['build', '-trimpath', '-o', join(into, 'parser'), '.'], {
      cwd: source,
      env: { CGO_ENABLED: '0', GOTOOLCHAIN: 'local', GOFLAGS: '' },
    });
    if (code !== 0) throw new Error(`go build: ${stderr}`);
  });
  return (texts) => {
    const input = texts.map((text) => `${text}\0`).join('');
    const { stdout, status } = spawnSync(join(folder, 'parser'), { input, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error('the parser failed');
    return stdout
      .trimEnd()
      .split('\n')
      .map((line): ParserReading | null => JSON.parse(line));
  };
}

/**
 * What mvdan.cc/sh 3.14.1 reads as neither bash nor dash does: a mark in a word behind a substitution, now and then, for a comment; the text of a
 * here-document for commands, when a test stands on its line; a carriage return for nothing; a comment that ends in a backslash for one that goes on.
 */
const READ_OTHERWISE = /\r|[^\s;&|(]#|#.*\\\n|<<-?['E][^]*\[\[/;

/** It also takes `!=[` and `p{x+=1[` for something that is set, which to shells is the name of a program. */
const NAME = /^[A-Za-z_]\w*$/;

const DESCRIPTOR = /^(?:[0-9]-?|-)$/;

interface Line {
  readonly words: readonly (string | null)[];
  readonly paths: readonly string[];
}

/**
 * Says how the two readings of a text differ; undefined when they do not, or when one of us does not read it: they find faults in tests and arithmetic
 * that shells find when they run them. A word that we leave open may be known to them, for they speak of one shell only.
 */
export function difference(text: string, theirs: ParserReading | null): string | undefined {
  const ours = readShell(text);
  if (ours === undefined || theirs === null || READ_OTHERWISE.test(text)) return undefined;
  if (!theirs.assigned.every((name) => NAME.test(name))) return undefined;
  const left = linesOf(ours);
  for (const { words, redirects } of theirs.commands) {
    const line = { words, paths: redirects.flatMap(pathsOf) };
    if (line.words.length + line.paths.length === 0) continue;
    const same = left.findIndex((one) => JSON.stringify(one) === JSON.stringify(line));
    const at = same < 0 ? left.findIndex((one) => covers(one, line)) : same;
    if (at < 0) return `has ${JSON.stringify(line)} to mvdan.cc/sh, and to us ${JSON.stringify(left)}`;
    left.splice(at, 1);
  }
  if (left.length > 0) return `has ${JSON.stringify(left)} to us alone`;
  const [our, their] = [ours, theirs].map(({ assigned }) => JSON.stringify(assigned.toSorted()));
  return our === their ? undefined : `sets ${our} to us and ${their} to mvdan.cc/sh`;
}

function linesOf({ commands }: ShellReading): Line[] {
  return commands
    .map(({ words, redirects }) => ({
      words: words.map(({ text }) => text ?? null),
      paths: redirects.map(({ access, target }) => `${access} ${target.text ?? '?'}`),
    }))
    .filter(({ words, paths }) => words.length + paths.length > 0);
}

function covers(ours: Line, theirs: Line): boolean {
  const isTest = theirs.words[0] === '[[';
  if (isTest !== (ours.words[0] === '[[')) return false;
  if (!isTest && ours.words.length !== theirs.words.length) return false;
  if (ours.paths.length !== theirs.paths.length) return false;
  return (
    (isTest || ours.words.every((word, index) => word === null || word === theirs.words[index])) &&
    ours.paths.every((path, index) => path.endsWith(' ?') || path === theirs.paths[index])
  );
}

function pathsOf({ operator, target }: ParserReading['commands'][number]['redirects'][number]): readonly string[] {
  if (operator.endsWith('&') && target !== null && DESCRIPTOR.test(target)) return [];
  const path = target ?? '?';
  if (operator === '<>') return [`Read ${path}`, `Write ${path}`];
  return [`${operator.startsWith('<') ? 'Read' : 'Write'} ${path}`];
}
