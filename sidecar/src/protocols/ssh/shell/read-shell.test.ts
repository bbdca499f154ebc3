import { describe, expect, test } from '@jest/globals';
import { readShell, SHELL_TEXT_LENGTH_MAX } from './read-shell.ts';

/** Pairs: what is not read, and what is, although it looks alike. */
const PAIRS: readonly (readonly [what: string, refused: string, read: string])[] = [
  ['a quote that is not closed', "echo 'a", "echo 'a'"],
  ['a double quote that is not closed', 'echo "a', 'echo "a"'],
  ['backquotes that are not closed', 'echo `a', 'echo `a`'],
  ['a backslash in backquotes', 'echo `a \\`b\\``', 'echo `a b`'],
  ['a double quote in quoted backquotes', 'echo "`a "b"`"', 'echo "`a b`"'],
  ['a substitution that is not closed', 'echo $(a', 'echo $(a)'],
  ['a brace that is not closed', 'echo ${x', 'echo ${x}'],
  ['a command that runs in braces', 'echo ${ rm x;}', 'echo ${x:-rm}'],
  ['a name in a name', 'echo ${!x}', 'echo ${x}'],
  ['a transformation', 'echo ${x@P}', 'echo ${x%%.*}'],
  ['an index', 'echo ${x[1]}', 'echo ${x:1:2}'],
  ['an index without braces', 'echo $x[1]', 'echo "$x[1]"'],
  ['an index to reckon with in quotes', 'echo "$x[i]"', 'echo "$x[0-9]"'],
  ['an index that a quote cuts', 'echo "$x["', 'echo "$x]"'],
  ['files that match a variable', 'echo $~x', "echo '$~x'"],
  ['a variable for the number of a redirect', 'echo {a}>f', 'echo {a} >f'],
  ['quotes in braces', 'echo "${x:-\'}\'}"', 'echo "${x:-y}"'],
  ['an old way to reckon', 'echo $[1]', 'echo $((1))'],
  ['reckoning as a command', '((x=1))', '( (x) )'],
  ['what may be a subshell or reckoning', 'echo $((a) | (b))', 'echo $( (a) | (b))'],
  ['two parentheses joined over a line', '(\\\n(x))', '( (x) )'],
  ['a group that is not closed', '{ rm x', '{ rm x; }'],
  ['a brace that ends a group in some shells only', '{ echo }; rm x; }', '{ echo; rm x; }'],
  ['a function in the manner of ksh', 'function f { a; }', 'f() { a; }'],
  ['a function without a group', 'f() rm x', 'f() (rm x)'],
  ['a loop that few shells know', 'repeat 3 rm x', 'echo repeat'],
  ['select', 'select x in a; do b; done', 'for x in a; do b; done'],
  ['a coprocess', 'coproc a', 'a &'],
  ['an array', 'a=(1 2)', 'a=1'],
  ['adding to a variable', 'x+=/tmp/a', 'x=/tmp/a'],
  ['a pattern of ksh, a negated subshell elsewhere', '!(a)', '! (a)'],
  ['an index that hides a mark', 'a[ # ]; rm x', 'a[1]; rm x'],
  ['an element of an array', 'a[1]=x', 'a=1'],
  ['a mark of case by itself', 'a;&>f', 'a;>f'],
  ['a test with a list in it', '[[ -f x && rm x ]]', '[[ -f x ]] && rm x'],
  ['a test that is a redirect elsewhere', '[[ a > b ]]', '[[ a = b ]]'],
  ['words behind a redirect of both outputs', 'a &>f b', 'a b &>f'],
  ['a redirect through a mark', 'echo >!f', 'echo >f'],
  ['a number of two digits before a redirect', 'echo 12>f', 'echo 12 >f'],
  ['a substitution of a process in a word', 'echo a<(b)', 'echo a <(b)'],
  ['a redirect to a comment', 'a > #b', 'a > b#'],
  ['a here-document that does not end', 'cat <<E\nx', 'cat <<E\nx\nE'],
  ['an end with an expansion', 'cat <<"E$x"\nE$x', 'cat <<"E"\nE'],
  ['a line that goes on in a here-document', 'cat <<E\na\\\nE\nE', "cat <<'E'\na\\\nE"],
  ['a substitution over the lines of a here-document', 'cat <<E $(a\nb)\nE\n', 'cat <<E $(a)\nb\nE\n'],
  ['a here-document that begins behind its substitution', 'echo $(cat <<E)\nE\n', 'echo $(cat <<E\nE\n)'],
  ['a substitution cut by the end of a here-document', 'cat <<E\n$(a\nE\nb)\nE', 'cat <<E\n$(a\nb)\nE'],
  [
    'a pattern without its parenthesis in a substitution',
    'echo $(case x in a) b;; esac)',
    'echo $(case x in (a) b;; esac)',
  ],
  ['a comment in a substitution', 'echo $(a # b\n)', 'echo $(a b\n)'],
  ['a line that goes on in a word', 'r\\\nm x', 'rm \\\nx'],
  ['a line that goes on behind a dollar', 'echo "$\\\nx"', 'echo "\\\nx"'],
  ['a line that goes on in an operator', 'a &\\\n& b', 'a && \\\nb'],
  ["an escaped quote in $''", "echo $'a\\'b'", "echo $'a\\nb'"],
  ['a carriage return', 'echo a\rb', "echo 'a\rb'"],
  ['a space that is none everywhere', 'echo\u00a0a', "echo '\u00a0'"],
  ['what another character set takes for one character', 'echo é\\x', 'echo é x'],
  ['a zero byte', 'echo a\0b', 'echo ab'],
  ['nothing before a separator', '; a', 'a;'],
  ['nothing behind a pipe', 'a |', 'a | b'],
  ['a case mark outside of one', 'a ;; b', 'a ; b'],
  ['words behind a group', '(a) b', '(a) > b'],
  ['a reserved word out of place', 'then a', 'echo then'],
];

describe('what shells read in different ways is not read', () => {
  test.each(PAIRS)('%s', (_what, refused, read) => {
    expect(readShell(refused)).toBeUndefined();
    expect(readShell(read)).toBeDefined();
  });
});

describe('bounds', () => {
  const nested = (depth: number): string => `${'$('.repeat(depth)}a${')'.repeat(depth)}`;

  test.each<readonly [what: string, most: string, more: string]>([
    ['its length', 'a'.repeat(SHELL_TEXT_LENGTH_MAX), 'a'.repeat(SHELL_TEXT_LENGTH_MAX + 1)],
    ['substitutions in each other', nested(40), nested(41)],
    ['subshells in each other', `${'( '.repeat(40)}a${' )'.repeat(40)}`, `${'( '.repeat(41)}a${' )'.repeat(41)}`],
    ['commands', 'a;'.repeat(1_000), 'a;'.repeat(1_001)],
    ['words', 'a '.repeat(5_000), 'a '.repeat(5_001)],
  ])('%s', (_what, most, more) => {
    expect(readShell(most)).toBeDefined();
    expect(readShell(more)).toBeUndefined();
  });

  test.each([
    '(',
    '$(',
    '"$(',
    '`',
    '{ ',
    'if ',
    '! ',
    '${x:-',
    '<<E ',
    'a|',
    '\\',
    '$((',
    'case x in (a) ',
    'f() { ',
    '<(',
    '"',
    "'",
    '#',
    '\n',
    'a=',
    '$',
    '~',
    '[[',
  ])('many of %j end', (part) => {
    const text = part.repeat(Math.floor(SHELL_TEXT_LENGTH_MAX / part.length));
    expect(() => [readShell(text), readShell(`${text}\n`)]).not.toThrow();
  });
});
