import * as fc from 'fast-check';

/** The programs of the texts. Nothing else has one of these names, and no text has a slash in it. */
export const PROGRAMS = ['p', 'q', 'r', 's'] as const;

type Text = fc.Arbitrary<string>;

/** A text with others in its gaps. */
function text(parts: TemplateStringsArray, ...gaps: readonly Text[]): Text {
  return fc.tuple(...gaps).map((filled) => parts.map((part, index) => part + (filled[index] ?? '')).join(''));
}

const program: Text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...PROGRAMS) },
  fc.constantFrom(
    '"p"',
    "'q'",
    '\\r',
    "q''",
    '$x',
    '"$x"',
    '$(s)',
    '`s`',
    "$'p'",
    '$y',
    '$y"q"',
    '${z:-p}',
    '{p,a}',
    '\\\n p',
  ),
);
const name: Text = fc.constantFrom('x', 'y', 'z');
const blank: Text = fc.oneof(
  { weight: 6, arbitrary: fc.constant(' ') },
  fc.constantFrom('  ', '\t', ' \\\n', ' \\\n\\\n '),
);
const between: Text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('; ', '\n', ' ; ', '\n\n') },
  fc.constantFrom(' & ', ' # p a\n', '\n# q; r\n'),
);
const joint: Text = fc.constantFrom(' | ', ' && ', ' || ', '|', '&&', '||\n', ' |& ', ' && \\\n');

const grammar = fc.letrec<Readonly<Record<'word' | 'plain' | 'simple' | 'command' | 'list', string>>>((tie) => {
  const simple = tie('simple');
  const list = tie('list');
  const word = tie('word');
  const plain: Text = fc.constantFrom(
    'a',
    'b1',
    '-x',
    'a=b',
    'a#b',
    '.',
    ']',
    '!',
    '%',
    "'x y'",
    '"x y"',
    '"a\\"b\\$c\\\\d\\e"',
    "'a'\\''b'",
    'a\\ b',
    '\\#',
    '""',
    "''",
    "'#'",
    '"#"',
    '{}',
    '[',
    '$',
    'a$',
    "'\n'",
    '"\n"',
    '"\\\n"',
    "'\\'",
    'if',
    'done',
    'in',
    'eval',
    'x+=1',
    '\\*',
    '"*"',
  );
  const moving: Text = fc.constantFrom(
    '$x',
    '"$x"',
    '$y',
    '${x}',
    '"${y:-a b}"',
    '${x#p}',
    '${x%%z}',
    '${#x}',
    '$1',
    '"$@"',
    '$?',
    '*',
    'a*',
    '[ab]',
    '~',
    '{a,b}',
    '$((1 + 2))',
    '"$((3*(2)))"',
    "$'a\\tb'",
    '$"a"',
    '${x:1:2}',
    '${x/p/q}',
    'a=~',
    '=q',
  );
  return {
    plain,
    word: fc.oneof(
      { maxDepth: 3, depthSize: 'xsmall' },
      { weight: 5, arbitrary: plain },
      { weight: 3, arbitrary: moving },
      text`${word}${word}`,
      text`$(${list})`,
      text`"$(${list})"`,
      text`\`${program} ${plain}\``,
      text`"\`p ${fc.constantFrom('a', '$x', 'b c')}\`"`,
      text`"a${word}b"`,
      text`<(${simple})`,
      text`\${y:-$(${simple})}`,
    ),
    simple: fc.oneof(
      { maxDepth: 3, depthSize: 'xsmall' },
      { weight: 3, arbitrary: text`${program}` },
      { weight: 4, arbitrary: text`${program}${blank}${word}` },
      { weight: 3, arbitrary: text`${program}${blank}${word}${blank}${word}` },
      text`${name}=${word} ${program} ${word}`,
      text`${name}=${word}`,
      text`${program} ${word} >f1`,
      text`>f2 ${program} ${word} 2>&1`,
      text`${program} >"f${word}" ${word}`,
      text`${program} <f1 ${word}`,
      text`${program} ${word} &>f3`,
      text`${program} <<< ${word}`,
      text`${program} ${word}>>f4 2>f5`,
      text`[[ -f ${word} ]]`,
      text`set -- ${word} ${word}`,
    ),
    command: fc.oneof(
      { maxDepth: 3, depthSize: 'xsmall' },
      { weight: 6, arbitrary: simple },
      text`${simple}${joint}${tie('command')}`,
      text`! ${simple}`,
      text`( ${list} )`,
      text`(${list}) >f6`,
      text`{ ${list}; }`,
      text`{ ${list}\n} | ${simple}`,
      text`if ${list}; then ${list}; fi`,
      text`if ${simple}\nthen\n${list}\nelif ${simple}; then ${list}; else ${list}; fi`,
      text`while ${list}; do ${list}; break; done`,
      text`until ${simple}; do ${list}; break; done`,
      text`for ${name} in ${word} ${word}; do ${list}; done`,
      text`for ${name}\ndo ${list}\ndone`,
      text`case ${word} in ${word}) ${list};; (${word}|${word}) ${simple} ;; *) ${list}\nesac`,
      text`f() { ${list}; }; f ${word}`,
      text`g () (${list})\ng`,
      text`${program} <<E ${word}\n${tie('plain')}\n${word}\nE\n${simple}`,
      text`${program} <<'E'; ${simple}\n${word}\n$(p\nE\nq`,
      text`${program} <<-E\n\t${word}\n\tE\nr`,
      tie('list').map((inner) => `eval '${inner.replaceAll("'", "'\\''")}'`),
    ),
    list: fc.oneof(
      { maxDepth: 3, depthSize: 'xsmall' },
      { weight: 4, arbitrary: tie('command') },
      text`${tie('command')}${between}${list}`,
    ),
  };
});

/** Texts that a shell reads. */
export const shellTexts: Text = grammar.list;

const MARKS = [
  '"',
  "'",
  '`',
  '$',
  '\\',
  ';',
  '&',
  '|',
  '<',
  '>',
  '\n',
  ' ',
  '#',
  '{',
  '}',
  '(',
  ')',
  '=',
  '~',
  '*',
  '[',
  '!',
  '\t',
  '\r',
  'é',
  '\\\n',
  '$(',
  ';;',
  '<<E',
  'E',
  '&&',
];

/** The same with some marks put in, or pieces taken out. */
export const damagedTexts: Text = fc
  .tuple(
    fc.oneof(grammar.simple, grammar.command),
    fc.array(fc.tuple(fc.nat(10_000), fc.integer({ min: 0, max: 3 }), fc.constantFrom('', ...MARKS)), {
      minLength: 1,
      maxLength: 2,
    }),
  )
  .map(([whole, edits]) =>
    edits.reduce((all, [place, cut, mark]) => {
      const at = all.length === 0 ? 0 : place % (all.length + 1);
      return all.slice(0, at) + mark + all.slice(at + cut);
    }, whole),
  );
