import { describe, expect, test } from '@jest/globals';
import { readExecUses } from './exec-uses.ts';

/** Programs with a question mark for each word that is not known; paths; kinds. */
function shown(text: string): readonly [programs: string, paths: string, kinds: string] {
  const { commands, paths, incomplete } = readExecUses(text);
  return [
    commands.map(({ name = '?', args }) => [name, ...args.map((arg) => arg ?? '?')].join(' ')).join(' | '),
    paths.map(({ path = '?', access, isTree }) => `${access} ${path}${isTree === true ? '/**' : ''}`).join(', '),
    incomplete.map(({ kind }) => kind).join(' '),
  ];
}

describe('every program that a text may run is named', () => {
  test.each([
    ['ls -l /tmp | grep x', 'ls -l /tmp | grep x'],
    ['a; b & c && d || ! e', 'a | b | c | d | e'],
    ['echo "$(a `b`)" <(c) ${x:-$(d)} $((1 + $(e)))', 'b | a ? | c | d | e | echo ? ? ? ? | ? ?', 'ShellArithmetic'],
    ['if a; then b; elif c; then d; else e; fi', 'a | b | c | d | e'],
    ['while a; do b; done; until c; do d; done; for x in y; do e; done', 'a | b | c | d | e'],
    ['case x in (a|b) c;; *) d; esac', 'c | d'],
    ['f() { a "$1"; }; f x', 'a ? | f x'],
    ['{ a; } | (b; c)', 'a | b | c'],
    ['cat <<E\n$(a) `b`\nE\nc', 'cat | a | b | c'],
    ["cat <<'E'\n$(a)\nE\nc", 'cat | c'],
    ['a <<X <<-Y\n$(x)\nX\n\t$(y)\n\tY\nb', 'a | x | y | b'],
    ["git commit -m \"$(cat <<'E'\nit's (a\nE\n)\"", 'cat | git commit -m ?'],
    ['"r"m r\'\'m \\rm r\\m', 'rm rm rm rm'],
    ['echo \'a b\' "c\\"d\\e" f\\ g # rm x', 'echo a b c"d\\e f g'],
    ['echo $x a* ~/b {} {c,d} [ "$y" a=~ =ls', 'echo ? ? ? {} ? [ ? ? ?'],
    ['[[ -f x ]] && a', '[[ -f x ]] | a'],
    ['a &>f; b >f 2>&1', 'a | b'],
    ['echo a#b #c', 'echo a#b'],
  ])('%j', (text, programs, kinds = '') => {
    expect([shown(text)[0], shown(text)[2]]).toEqual([programs, kinds]);
  });
});

describe('a program that runs its words is named with what it runs', () => {
  test.each([
    ['sudo -u bob rm x', 'sudo -u bob rm x | rm x'],
    [
      'nohup nice -n 5 timeout -k 1 10 rm x',
      'nohup nice -n 5 timeout -k 1 10 rm x | nice -n 5 timeout -k 1 10 rm x | timeout -k 1 10 rm x | rm x',
    ],
    ['env -i LANG=C rm x', 'env -i LANG=C rm x | rm x'],
    ['time rm x', 'time rm x | rm x'],
    ['xargs -0 rm -f', 'xargs -0 rm -f | rm -f ?'],
    ['xargs -I% mv % %.old', 'xargs -I% mv % %.old | mv ? ? ?'],
    ['find . -exec rm {} \\; -execdir a b{} +', 'find . -exec rm {} ; -execdir a ? + | rm ?', 'InnerCommand'],
    ['bash -c "rm x; a"', 'bash -c rm x; a | rm x | a'],
    ['sh -ec \'sh -c "rm x"\'', 'sh -ec sh -c "rm x" | sh -c rm x | rm x'],
    ["eval 'rm' x", 'eval rm x | rm x'],
    ["trap 'rm x' EXIT", 'trap rm x EXIT | rm x'],
    ['sh -x /srv/a.sh b', 'sh -x /srv/a.sh b | /srv/a.sh b'],
    ['python3 -u a.py b', 'python3 -u a.py b | a.py b'],
    ["flock /tmp/l -c 'rm x'", 'flock /tmp/l -c rm x | rm x'],
    ["watch -n 1 'rm x'", 'watch -n 1 rm x | rm x'],
    ['busybox rm x', 'busybox rm x | rm x'],
    ['command -v rm', 'command -v rm'],
    ['sudo -l', 'sudo -l'],
  ])('%j', (text, programs, kinds = '') => {
    const unnamed = kinds === '' ? '' : ' | ? ?';
    expect([shown(text)[0], shown(text)[2]]).toEqual([programs + unnamed, kinds]);
  });
});

describe('what cannot be read whole says why, and what can does not', () => {
  test.each([
    [
      'ShellProgram',
      ['$x y', '"$(a)" y', "$'rm' x", '/bin/r? x', '{rm,x}', 'sudo -u bob -- $x', 'xargs -I% %'],
      ['rm $x', 'sudo rm $x'],
    ],
    [
      'ShellCode',
      [
        'eval "$x"',
        'sh -c "$x"',
        '. /tmp/x',
        'source x',
        'alias ls=rm',
        'xargs sh -c',
        'trap "$x" EXIT',
        'shopt -s x',
        'hash -p a b',
        'mapfile -C a b',
        "unset 'a[$(x)]'",
        "read 'a[$(x)]'",
        "printf -v 'a[$(x)]' b",
        "test -v 'a[$(x)]'",
        'set -k',
        'fish -c a',
      ],
      ['unset a', 'read -r a b', 'printf %s b', 'test -f a', 'set -euo pipefail'],
    ],
    [
      'ShellInput',
      ['sh', 'a | bash', 'sh -s a', 'sudo -i', 'sudo sh', 'sh <<E\nrm x\nE'],
      ['sh a', 'sh --version', 'sudo -v'],
    ],
    [
      'LoaderVariable',
      [
        'PATH=/tmp ls',
        'LD_PRELOAD=x ls',
        'export PATH=/x',
        'env BASH_ENV=x ls',
        'for PATH in x; do ls; done',
        'read PATH',
        ': ${IFS:=x}',
        'path=/tmp',
        "env 'BASH_FUNC_a%%=() { b; }' c",
      ],
      ['LC_ALL=C ls', 'x=PATH', 'echo PATH=x'],
    ],
    ['ShellVariable', ['FOO=1 ls', 'export FOO=1'], ['foo=1 ls', 'for foo in a; do ls; done']],
    [
      'ShellArithmetic',
      ['echo $((x))', '[ "$x" -eq 1 ]'],
      ['echo $((1 + 0x2 * (3)))'.replace('0x', ''), '[ $? -eq 0 ]', '[ "$x" = 1 ]'],
    ],
    [
      'ForeignCode',
      [
        'python3 -c x',
        'python3',
        'python3 -',
        'perl -e x',
        'ruby -ne x',
        'node -p x',
        'awk \'BEGIN{system("rm x")}\'',
        "awk '{print > $1}'",
        'awk \'{"a" | getline}\'',
        'sed s/a/b/e x',
        "sed -n 'w x' y",
        "sed '1e rm x' y",
        'sed -f x y',
        'awk -f x y',
      ],
      [
        'python3 a.py',
        'python3 --version',
        'python3 -m http.server',
        "awk '$1 >= 2 || $2 {print $3}' x",
        "sed -n '1,10p;$p' x",
        "sed -i.bak -e 's/a\\/b/c/g' x",
        "sed 's|a|b|' x",
      ],
    ],
    [
      'InnerCommand',
      [
        'ssh a rm x',
        'parallel rm',
        'su -c "rm x"',
        'env -S "rm x"',
        'sudo --what x',
        'find $x',
        'docker exec a rm',
        'git -c alias.x=!rm x',
        'tar cf a --checkpoint-action=exec=rm',
        'rsync -e "sh -c x" a b:',
        'ld.so rm',
        'xargs --what rm',
        'make SHELL=/tmp/x',
        'find . -exec rm',
      ],
      [
        'docker ps',
        'git commit -m -c',
        'git commit -am "$x"',
        'git switch -c a',
        'tar czf a b',
        'rsync --server -vlogDtpre.iLsfxCIvu . a',
        'find "$x"',
        'make -j4 install',
      ],
    ],
  ])('%s', (kind, texts, neighbours) => {
    expect(texts.filter((text) => !shown(text)[2].split(' ').includes(kind))).toEqual([]);
    expect(neighbours.filter((text) => shown(text)[2] !== '')).toEqual([]);
  });

  test('what runs unnamed is a program that rules meet', () => {
    expect(readExecUses('a | sh').commands.at(-1)).toEqual({ name: undefined, args: [undefined] });
  });
});

test('a program says where it runs, when that is not where it starts', () => {
  const directories = readExecUses('a; cd /srv && b; c').commands.map(({ directory }) => directory);
  expect(directories).toEqual([undefined, undefined, { path: '/srv' }, { path: undefined }]);
});

describe('files', () => {
  test.each([
    ['cat a ./b /c ~/d', 'Read ~/a, Read ~/b, Read /c, Read ~/d'],
    ['cat ../x', 'Read ?'],
    ['cat /a/../b/*.log', 'Read /b/**'],
    ['cat /a/*/../b', 'Read ?'],
    ['cat \'~/a\' "$x"', ''],
    ["cat '~/a'", 'Read ~/~/a'],
    ['rm -rf /srv/x', 'Write /srv/x/**'],
    ['cp a /b', 'Read ~/a, Write /b/**'],
    ['mv a b', 'Write ~/a/**, Write ~/b/**'],
    ['ls -R', 'Read ~/**'],
    ['grep -r a /srv', 'Read /srv/**'],
    ['grep -e a b', 'Read ~/b'],
    ['grep -f a b', ''],
    ['scp -t /srv/x', 'Write /srv/x/**'],
    ['scp -r -p -d -t -- in', 'Write ~/in/**'],
    ['scp -f a /srv/b', 'Read ~/a, Read /srv/b'],
    ['scp -rf /srv', 'Read /srv/**'],
    ['scp -t x; bash', 'Write ~/x/**'],
    ['scp -t -S sh x', ''],
    ['scp -t -f x', ''],
    ['scp a host:b', ''],
    ['rsync --server -vlogDtpre.iLsfxCIvu . /srv/x', 'Read /srv/x/**, Write /srv/x/**'],
    ['rsync --server --sender -logDtpre.iLsfxCIvu --numeric-ids . a b', 'Read ~/a/**, Read ~/b/**'],
    ['rsync --server -logDtpre.iLsfxCIvu --log-format=%i --delete-during . a', 'Read ~/a/**, Write ~/a/**'],
    ['rsync --server -slogDtpre.iLsfxCIvu', ''],
    ['rsync --server -logDtpre.iLsfxCIvu --backup-dir=/etc . a', ''],
    ['rsync --server --daemon .', ''],
    ['rsync --server -logDtpre.iLsfxCIvu . a --temp-dir=/etc', ''],
    ['rsync --server -e.sh . "$x"', ''],
    ['cat < a > /b 2>> c', 'Read ~/a, Write /b, Write ~/c'],
    ['a <> b >&c >| d', 'Read ~/b, Write ~/b, Write ~/c, Write ~/d'],
    ['a > "$x"', 'Write ?'],
    ['a >/dev/null 2>&1 <&-', ''],
    ['{ a; } > b', 'Write ~/b'],
    ['cd /srv/a && cat b && cat c', 'Read /srv/a, Read /srv/a/b, Read /srv/a/c'],
    ['cd /srv/a; cat b', 'Read /srv/a, Read ?'],
    ['cd /srv/a && cat b; cat c', 'Read /srv/a, Read /srv/a/b, Read ?'],
    ['cd /srv/a || cat b', 'Read /srv/a, Read ?'],
    ['cat b; (cd /srv/a && cat c)', 'Read ?, Read /srv/a, Read ?'],
    ['eval "cd /etc"; cat b', 'Read /etc, Read ?'],
    ['eval "cat a"; cat b', 'Read ~/a, Read ~/b'],
    ['trap "c\\d /etc" EXIT; cat b', 'Read /etc, Read ?'],
    ['command cd /etc; cat b', 'Read /etc, Read ?'],
    ['command -v rm; cat b', 'Read ~/b'],
    ['trap "cat a" EXIT; cd /etc', 'Read ?, Read /etc'],
    ['cat <(a)', 'Read /dev/fd/**'],
    ['f() { cat b; }; cd /srv/a && f', 'Read ?, Read /srv/a'],
    ['while a; do cat b; cd ..; done', 'Read ?, Read ?'],
    ['sudo -i cat b', 'Read ?'],
    ['sudo cat b', 'Read ~/b'],
  ])('%j', (text, paths) => {
    expect(shown(text)[1]).toBe(paths);
  });
});
