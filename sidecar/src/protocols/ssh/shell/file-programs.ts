import { isGiven, type OptionTable, readOptions } from './options.ts';
import type { FileUse, ShellWord } from './syntax.ts';
import { transferredFiles } from './transfer-programs.ts';

interface FileProgram {
  readonly options: OptionTable;
  /** What its operands are. `Copy`: the last is written, the others are read. */
  readonly operands: 'Read' | 'Write' | 'Copy' | 'Move' | 'None';
  /** Operands before those that are files. */
  readonly first?: number;
  /** Options that stand for those. */
  readonly instead?: string;
  /** Options with which all below an operand is used as well. */
  readonly trees?: string;
  /** It reads the working directory where it has no operand. */
  readonly hasDefault?: true;
}

const NO_FILES: FileProgram = { options: {}, operands: 'None' };
const SUMS: FileProgram = { options: { flags: 'btz', long: 'tag zero binary text' }, operands: 'Read' };
const SEARCH: FileProgram = {
  options: {
    flags: 'EFGPinvwxclLoqsHhzaIUTrR',
    valued: 'mABCe',
    long: 'extended-regexp fixed-strings perl-regexp ignore-case invert-match word-regexp line-regexp count files-with-matches only-matching quiet silent no-messages line-number no-filename with-filename recursive color',
    longValued: 'max-count after-context before-context context regexp',
  },
  operands: 'Read',
  first: 1,
  instead: 'e regexp',
  trees: 'r R recursive',
};

/** Programs all of whose files stand among their words, by options that name no other. */
const FILE_PROGRAMS: ReadonlyMap<string, FileProgram> = new Map<string, FileProgram>([
  ['cat', { options: { flags: 'AbeEnstTuv' }, operands: 'Read' }],
  ['tac', { options: { flags: 'b' }, operands: 'Read' }],
  ['head', { options: { flags: 'qvz0123456789', valued: 'nc', longValued: 'lines bytes' }, operands: 'Read' }],
  [
    'tail',
    {
      options: { flags: 'fFqvz0123456789', valued: 'ncs', long: 'follow retry', longValued: 'lines bytes' },
      operands: 'Read',
    },
  ],
  ['wc', { options: { flags: 'clmLw', long: 'lines words bytes chars' }, operands: 'Read' }],
  ['stat', { options: { flags: 'Lft', valued: 'c', long: 'terse', longValued: 'format printf' }, operands: 'Read' }],
  [
    'ls',
    {
      options: {
        flags: '1aAbBcCdFgGhHiklLmnNopqQrRsStuUvxXZ',
        long: 'all human-readable recursive color full-time inode',
      },
      operands: 'Read',
      trees: 'R recursive',
      hasDefault: true,
    },
  ],
  [
    'du',
    {
      options: {
        flags: 'abchHklLmsSxP0',
        valued: 'dBt',
        long: 'human-readable summarize apparent-size',
        longValued: 'max-depth',
      },
      operands: 'Read',
      trees: '*',
      hasDefault: true,
    },
  ],
  ['readlink', { options: { flags: 'efmnqsvz' }, operands: 'Read' }],
  ['realpath', { options: { flags: 'emLPqsz' }, operands: 'Read' }],
  ['md5sum', SUMS],
  ['sha1sum', SUMS],
  ['sha256sum', SUMS],
  ['sha512sum', SUMS],
  ['grep', SEARCH],
  ['egrep', SEARCH],
  ['fgrep', SEARCH],
  ['cd', { options: { flags: 'LPe' }, operands: 'Read' }],
  ['mkdir', { options: { flags: 'pv', valued: 'm', long: 'parents verbose', longValued: 'mode' }, operands: 'Write' }],
  ['rmdir', { options: { flags: 'pv' }, operands: 'Write' }],
  ['touch', { options: { flags: 'acmh', valued: 'dt', longValued: 'date' }, operands: 'Write' }],
  ['truncate', { options: { flags: 'co', valued: 's', longValued: 'size' }, operands: 'Write' }],
  [
    'rm',
    { options: { flags: 'dfirRIv', long: 'force recursive verbose dir' }, operands: 'Write', trees: 'r R recursive' },
  ],
  ['unlink', { options: {}, operands: 'Write' }],
  ['tee', { options: { flags: 'ai', long: 'append' }, operands: 'Write' }],
  ['chmod', { options: { flags: 'cfvR', long: 'recursive' }, operands: 'Write', first: 1, trees: 'R recursive' }],
  [
    'chown',
    {
      options: { flags: 'cfvhR', long: 'recursive no-dereference' },
      operands: 'Write',
      first: 1,
      trees: 'R recursive',
    },
  ],
  [
    'cp',
    {
      options: { flags: 'abdfilnprRuvxHLPT', long: 'archive force recursive verbose update no-clobber' },
      operands: 'Copy',
      trees: 'a r R archive recursive',
    },
  ],
  ['mv', { options: { flags: 'bfinuvT', long: 'force verbose update no-clobber' }, operands: 'Move' }],
  ['echo', { options: {}, operands: 'None' }],
  ['printf', NO_FILES],
  ['true', NO_FILES],
  ['false', NO_FILES],
  [':', NO_FILES],
  ['pwd', NO_FILES],
  ['whoami', NO_FILES],
  ['id', NO_FILES],
  ['uname', NO_FILES],
  ['uptime', NO_FILES],
  ['sleep', NO_FILES],
  ['exit', NO_FILES],
]);

const SYSTEM = /^(?:\/(?:usr\/)?s?bin\/)?([^/]+)$/;

/** The files that a program uses, or undefined when its words do not tell them all. */
export function filesOf(words: readonly ShellWord[]): readonly FileUse[] | undefined {
  const name = SYSTEM.exec(words[0]?.text ?? '')?.[1];
  const program = name === undefined ? undefined : FILE_PROGRAMS.get(name);
  if (program === undefined) return name === undefined ? undefined : transferredFiles(name, words);
  const { operands: kind, first = 0, instead = '', trees = '', hasDefault } = program;
  if (kind === 'None') return [];
  const options = readOptions(words, 1, program.options);
  if (options === undefined) return undefined;
  const operands = words.slice(options.at + (isGiven(options, instead) ? 0 : first));
  // GNU's programs take options behind operands too; what a shell matches may begin like one.
  if (
    !operands.every(({ text, isOperand }) => (text === undefined ? isOperand : !text.startsWith('-') || text === '-'))
  )
    return undefined;
  const isTree = trees === '*' || isGiven(options, trees);
  const files = operands.filter(({ text }) => text !== '-').map(({ path }) => path);
  if (files.length === 0)
    return hasDefault === true
      ? [{ path: { text: '.', isTree: false }, access: 'Read', isTree }]
      : isTree
        ? undefined
        : [];
  if (kind === 'Read' || kind === 'Write') return files.map((path) => ({ path, access: kind, isTree }));
  const sources = files
    .slice(0, -1)
    .map((path): FileUse => ({ path, access: kind === 'Move' ? 'Write' : 'Read', isTree: isTree || kind === 'Move' }));
  // What is written may be a directory, and the file one in it.
  return [...sources, { path: files.at(-1), access: 'Write', isTree: true }];
}
