import { describe, expect, it } from '@jest/globals';
import { describeFault, type Policy, type PolicyRule, type RuleMatch } from '@sidegate/crds';
import type { PathUse, SshCommand } from '../command.ts';
import { ruleName } from '../decision.ts';
import { exec, input, MARKING_MEANS, policy, redis, sessionOf, target } from '../fixture/bundle.ts';
import { compileRules } from '../rule-set.ts';

type SshMatch = NonNullable<RuleMatch['ssh']>;

function allows(ssh: SshMatch, command: SshCommand): string {
  const rules: readonly PolicyRule[] = [{ name: 'r', action: 'Allow', match: { ssh } }];
  return sessionOf({ targets: [target({ protocol: 'SSH' })], policies: [policy({ rules })] }).decide(command).action;
}

function denies(ssh: SshMatch, command: SshCommand): string {
  const rules: readonly PolicyRule[] = [{ name: 'r', action: 'Deny', match: { ssh } }];
  const targets = [target({ protocol: 'SSH', defaultAction: 'Allow' })];
  return sessionOf({ targets, policies: [policy({ rules })] }).decide(command).action;
}

function reads(path: string | undefined, parts: Partial<PathUse> = {}): PathUse {
  return { path, access: 'Read', by: 0, ...parts };
}

const { by: _, ...REDIRECT } = reads('/tmp/out', { access: 'Write' });

/** One program all of whose files are known. */
function uses(text: string, ...paths: readonly PathUse[]): SshCommand {
  const command = exec([text], { paths });
  return { ...command, commands: command.commands.map((use) => ({ ...use, pathsKnown: true })) };
}

/** A program that runs in a directory of its own, and whose files are not known. */
function inDirectory(path: string | undefined, words: string): SshCommand {
  return exec([], { commands: [{ name: 'prog', args: words.split(' '), directory: { path } }] });
}

function operation(name: string, path: string, access: 'Read' | 'Write'): SshCommand {
  return { ...uses(name, reads(path, { access })), channel: 'sftp' };
}

const shell = exec([], { channel: 'shell' });
const start = exec([], { channel: 'sftp' });
const forwardTo = (words: string): SshCommand => exec([`direct-tcpip ${words}`], { channel: 'forward' });
const forward = forwardTo('db.internal 5432');

describe('what an Allow rule for SSH covers', () => {
  it.each<readonly [string, SshMatch, SshCommand, string]>([
    ['a channel', { channels: ['exec'] }, exec(['rm -r /']), 'Allow'],
    ['not another channel', { channels: ['exec'] }, shell, 'Deny'],
    ['a program with any words', { commands: ['ls'] }, exec(['ls -l /root']), 'Allow'],
    ['not another program', { commands: ['ls'] }, exec(['lsof']), 'Deny'],
    ['not a second program', { commands: ['ls'] }, exec(['ls', 'rm x']), 'Deny'],
    ['both of two that it names', { commands: ['ls', 'rm x'] }, exec(['ls', 'rm x']), 'Allow'],
    ["the system's own program by its path", { commands: ['ls'] }, exec(['/usr/bin/ls']), 'Allow'],
    ['not one of that name elsewhere', { commands: ['ls'] }, exec(['/tmp/ls']), 'Deny'],
    ['one by its whole path', { commands: ['/opt/app/run'] }, exec(['/opt/app/run x']), 'Allow'],
    ['not one on the search path for that', { commands: ['/opt/app/run'] }, exec(['run x']), 'Deny'],
    ['not a name in other case', { commands: ['ls'] }, exec(['LS']), 'Deny'],
    ['the very words', { commands: ['systemctl restart web'] }, exec(['systemctl restart web']), 'Allow'],
    ['not one word more', { commands: ['systemctl restart web'] }, exec(['systemctl restart web db']), 'Deny'],
    ['not one word less', { commands: ['systemctl restart web'] }, exec(['systemctl restart']), 'Deny'],
    ['any words for a star at the end', { commands: ['git log *'] }, exec(['git log -p x']), 'Allow'],
    ['no words for a star at the end', { commands: ['git log *'] }, exec(['git log']), 'Allow'],
    ['not words before', { commands: ['git log *'] }, exec(['git -c alias.log=!sh log']), 'Deny'],
    ['a star in a word', { commands: ['systemctl status web-*'] }, exec(['systemctl status web-1']), 'Allow'],
    [
      'no word that is not known',
      { commands: ['cat x'] },
      exec([], { commands: [{ name: 'cat', args: [undefined] }] }),
      'Deny',
    ],
    [
      'words that are not known where any may stand',
      { commands: ['cat *'] },
      exec([], { commands: [{ name: 'cat', args: [undefined] }] }),
      'Allow',
    ],
    [
      'no program that is not known',
      { commands: ['*'] },
      exec([], { commands: [{ name: undefined, args: [] }] }),
      'Deny',
    ],
    ['the files of a program that it names', { commands: ['cat'] }, uses('cat /x', reads('/x')), 'Allow'],
    ['no file that a redirect writes', { commands: ['cat'] }, uses('cat /x', reads('/x'), REDIRECT), 'Deny'],
    ['no redirect alone', { commands: ['*'] }, exec([], { paths: [REDIRECT] }), 'Deny'],
    ['a redirect to a path that it names', { paths: [{ path: '/tmp/*' }] }, exec([], { paths: [REDIRECT] }), 'Allow'],
    [
      'a path that it names',
      { paths: [{ path: '/var/log/*' }] },
      uses('cat /var/log/a/b', reads('/var/log/a/b')),
      'Allow',
    ],
    ['not a path that only begins so', { paths: [{ path: '/var/log/*' }] }, uses('cat x', reads('/var/logs')), 'Deny'],
    ['not a second path', { paths: [{ path: '/var/log/*' }] }, uses('cat', reads('/var/log/a'), reads('/x')), 'Deny'],
    [
      'not a path that is not known',
      { paths: [{ path: '/var/log/*' }] },
      uses('cat', reads('/var/log/a'), reads(undefined)),
      'Deny',
    ],
    [
      'a tree below it',
      { paths: [{ path: '/var/log/*' }] },
      uses('cat', reads('/var/log/a', { isTree: true })),
      'Allow',
    ],
    [
      'what is below a directory',
      { paths: [{ path: '/var/log/*' }] },
      uses('cat', reads('/var/log', { isTree: true, isBelow: true })),
      'Allow',
    ],
    [
      'not a directory with what is below',
      { paths: [{ path: '/var/log/*' }] },
      uses('cat', reads('/var/log', { isTree: true })),
      'Deny',
    ],
    [
      'not what is below a directory by its name',
      { paths: [{ path: '/var/log' }] },
      uses('cat', reads('/var/log', { isTree: true, isBelow: true })),
      'Deny',
    ],
    [
      'no tree that it names a part of',
      { paths: [{ path: '/var/log' }, { path: '/var/log/*.txt' }] },
      uses('rm', reads('/var/log', { isTree: true })),
      'Deny',
    ],
    [
      'not another access',
      { paths: [{ path: '/x', access: 'Read' }] },
      uses('tee', reads('/x', { access: 'Write' })),
      'Deny',
    ],
    [
      'no program whose files are not known',
      { commands: ['run'], paths: [{ path: '/x' }] },
      exec(['run /x'], { paths: [reads('/x')] }),
      'Deny',
    ],
    [
      'a program and a path together',
      { commands: ['cat'], paths: [{ path: '/x' }] },
      uses('cat /x', reads('/x')),
      'Allow',
    ],
    ['a path from the home', { paths: [{ path: '~/in/*' }] }, uses('cat in/a', reads('~/in/a')), 'Allow'],
    ['not that path elsewhere', { paths: [{ path: '~/in/*' }] }, uses('cat', reads('/home/bob/in/a')), 'Deny'],
    [
      'that path where the home is known',
      { paths: [{ path: '~/in/*' }] },
      { ...uses('cat', reads('/home/bob/in/a')), home: '/home/bob' },
      'Allow',
    ],
    ['an operation of SFTP', { channels: ['sftp'], commands: ['open'] }, operation('open', '/x', 'Read'), 'Allow'],
    ['not another operation', { channels: ['sftp'], commands: ['open'] }, operation('remove', '/x', 'Write'), 'Deny'],
    ['the start of SFTP by its channel', { channels: ['sftp'] }, start, 'Allow'],
    ['the start of SFTP for what may be done in it', { channels: ['sftp'], commands: ['stat'] }, start, 'Allow'],
    ['the start of SFTP for a path', { paths: [{ path: '/x' }] }, start, 'Allow'],
    ['no start of SFTP by a rule about another channel', { channels: ['exec'] }, start, 'Deny'],
    ['no start of SFTP by a rule about programs', { commands: ['*'] }, start, 'Deny'],
    ['a shell', { channels: ['shell'] }, shell, 'Allow'],
    ['no shell by a rule about programs', { commands: ['*'] }, shell, 'Deny'],
    ['a forward by its channel', { channels: ['forward'] }, forward, 'Allow'],
    ...(
      [
        ['to a host and port', 'direct-tcpip db.internal 5432', 'db.internal 5432', 'Allow'],
        ['not one to another port', 'direct-tcpip db.internal 5432', 'db.internal 22', 'Deny'],
        ['not one to another host', 'direct-tcpip db.internal 5432', 'db2.internal 5432', 'Deny'],
        ['to any port of a host', 'direct-tcpip db.internal *', 'db.internal 22', 'Allow'],
        ['to a port of hosts', 'direct-tcpip *.internal 443', 'a.b.internal 443', 'Allow'],
        ['not one to a host that only ends so', 'direct-tcpip *.internal 443', 'evilinternal 443', 'Deny'],
        ['to an address of version 6', 'direct-tcpip 2001:db8::* 443', '2001:db8::1 443', 'Allow'],
        ['of any kind to anywhere', 'direct-tcpip', 'db.internal 5432', 'Allow'],
      ] as const
    ).map(([what, pattern, words, expected]): readonly [string, SshMatch, SshCommand, string] => [
      `a forward, ${what}`,
      { channels: ['exec', 'forward'], commands: ['ls', pattern] },
      forwardTo(words),
      expected,
    ]),
    ['no forward by a rule that names no channel', { commands: ['direct-tcpip db.internal 5432'] }, forward, 'Deny'],
    ['no forward by a rule about another channel', { channels: ['exec', 'shell', 'sftp'] }, forward, 'Deny'],
    ['no exec by a rule about forwards', { channels: ['forward'] }, exec(['direct-tcpip db.internal 5432']), 'Deny'],
  ])('%s', (_name, match, command, expected) => {
    expect(allows(match, command)).toBe(expected);
  });

  it('no command of another protocol', () => {
    const rules: readonly PolicyRule[] = [{ name: 'r', action: 'Allow', match: { ssh: { channels: ['exec'] } } }];
    expect(sessionOf({ policies: [policy({ rules })] }).decide(redis('GET', ['a'])).action).toBe('Deny');
  });
});

describe('what a restriction for SSH meets', () => {
  it.each<readonly [string, SshMatch, SshCommand, string]>([
    ['any program of several', { commands: ['rm'] }, exec(['ls', 'rm x']), 'Deny'],
    ['no program that only begins so', { commands: ['rm'] }, exec(['rmdir x']), 'Allow'],
    ['a program wherever it lies', { commands: ['rm'] }, exec(['/tmp/rm x']), 'Deny'],
    ['a program by its bare name', { commands: ['/bin/rm'] }, exec(['rm x']), 'Deny'],
    ['a name in other case', { commands: ['rm'] }, exec(['RM x']), 'Deny'],
    ['words with others between', { commands: ['git push'] }, exec(['git -C /x push origin']), 'Deny'],
    ['no words in another order', { commands: ['git push origin'] }, exec(['git push -u x']), 'Allow'],
    [
      'a program that is not known',
      { commands: ['rm'] },
      exec([], { commands: [{ name: undefined, args: [] }] }),
      'Deny',
    ],
    [
      'a word that is not known',
      { commands: ['git push'] },
      exec([], { commands: [{ name: 'git', args: [undefined] }] }),
      'Deny',
    ],
    ['a path', { paths: [{ path: '/etc/shadow' }] }, uses('cat', reads('/etc/shadow')), 'Deny'],
    ['no other path', { paths: [{ path: '/etc/shadow' }] }, uses('cat', reads('/etc/hosts')), 'Allow'],
    ['no other access', { paths: [{ path: '/x', access: 'Write' }] }, uses('cat', reads('/x')), 'Allow'],
    ['a path that is not known', { paths: [{ path: '/etc/shadow' }] }, uses('cat', reads(undefined)), 'Deny'],
    [
      'a tree that holds it',
      { paths: [{ path: '/etc/shadow' }] },
      uses('tar', reads('/etc', { isTree: true })),
      'Deny',
    ],
    [
      'no directory that holds it by itself',
      { paths: [{ path: '/etc/shadow' }] },
      uses('stat', reads('/etc')),
      'Allow',
    ],
    ['a tree in it', { paths: [{ path: '/etc/*' }] }, uses('tar', reads('/etc/ssl', { isTree: true })), 'Deny'],
    ['no tree beside it', { paths: [{ path: '/etc/*' }] }, uses('tar', reads('/opt', { isTree: true })), 'Allow'],
    [
      'a path from a home that nobody knows',
      { paths: [{ path: '/root/.ssh/*' }] },
      uses('cat', reads('~/.ssh/id')),
      'Deny',
    ],
    ['no path of a system for it', { paths: [{ path: '/etc/*' }] }, uses('cat', reads('~/.ssh/id')), 'Allow'],
    [
      'a path in a home for a pattern from it',
      { paths: [{ path: '~/.ssh/*' }] },
      uses('cat', reads('/home/alice/.ssh/id')),
      'Deny',
    ],
    ['no other path in a home', { paths: [{ path: '~/.ssh/*' }] }, uses('cat', reads('/home/alice/ssh/id')), 'Allow'],
    [
      'the path where the home is known',
      { paths: [{ path: '/srv/u/.ssh/*' }] },
      { ...uses('cat', reads('~/.ssh/id')), home: '/srv/u' },
      'Deny',
    ],
    [
      'no path of another home where it is known',
      { paths: [{ path: '/opt/b/.ssh/*' }] },
      { ...uses('cat', reads('~/.ssh/id')), home: '/srv/u' },
      'Allow',
    ],
    ['a path in an argument', { paths: [{ path: '/etc/shadow' }] }, exec(['prog --file=/etc/shadow']), 'Deny'],
    ['a path behind an option', { paths: [{ path: '/etc/shadow' }] }, exec(['prog -f/etc/shadow']), 'Deny'],
    ['a path written about', { paths: [{ path: '/etc/shadow' }] }, exec(['prog /var/../etc/./shadow']), 'Deny'],
    ['a tree in an argument', { paths: [{ path: '/etc/shadow' }] }, exec(['prog -C /etc']), 'Deny'],
    ['no other path in an argument', { paths: [{ path: '/etc/shadow' }] }, exec(['prog /opt/etc/hosts']), 'Allow'],
    ['no directory that ends in a slash', { paths: [{ path: '/etc/shadow' }] }, exec(['prog build/']), 'Allow'],
    [
      'a word in a directory that it changed to',
      { paths: [{ path: '/etc/shadow' }] },
      inDirectory('/etc', 'shadow'),
      'Deny',
    ],
    ['a value in it', { paths: [{ path: '/etc/shadow' }] }, inDirectory('/etc', 'if=shadow'), 'Deny'],
    ['a tree in it', { paths: [{ path: '/etc/ssl/*' }] }, inDirectory('/etc', './ssl'), 'Deny'],
    ['no other word in it', { paths: [{ path: '/etc/shadow' }] }, inDirectory('/etc', 'hosts -l'), 'Allow'],
    ['no word where it starts', { paths: [{ path: '/etc/shadow' }] }, exec(['prog shadow']), 'Allow'],
    ['a word below the home', { paths: [{ path: '~/.ssh/*' }] }, exec(['prog .ssh/id']), 'Deny'],
    ['a part of a word below the home', { paths: [{ path: '~/.ssh/*' }] }, exec(['prog -d @.ssh/id']), 'Deny'],
    ['a directory above it', { paths: [{ path: '~/.ssh/id' }] }, exec(['prog .ssh']), 'Deny'],
    ['the home itself', { paths: [{ path: '~/.ssh/id' }] }, exec(['prog .']), 'Deny'],
    ['a word below a home that nobody knows', { paths: [{ path: '/root/.ssh/*' }] }, exec(['prog .ssh/id']), 'Deny'],
    ['a name anywhere', { paths: [{ path: '*.pem' }] }, exec(['prog key.pem']), 'Deny'],
    ['no other word below the home', { paths: [{ path: '~/.ssh/*' }] }, exec(['prog .config/id x']), 'Allow'],
    ['no other name', { paths: [{ path: '*.pem' }] }, exec(['prog key pem']), 'Allow'],
    ['no word that looks like no path', { paths: [{ path: '/root/.ssh/*' }] }, exec(['prog restart']), 'Allow'],
    [
      'a word in a directory that is not known',
      { paths: [{ path: '/etc/shadow' }] },
      inDirectory(undefined, 'x'),
      'Deny',
    ],
    ['no option there', { paths: [{ path: '/etc/shadow' }] }, inDirectory(undefined, '-x'), 'Allow'],
    ['no argument of a program whose files are known', { paths: [{ path: '/x' }] }, uses('echo /x'), 'Allow'],
    ['a redirect', { paths: [{ path: '/tmp/*', access: 'Write' }] }, exec([], { paths: [REDIRECT] }), 'Deny'],
    ['a channel', { channels: ['sftp'] }, operation('open', '/x', 'Read'), 'Deny'],
    ['the start of SFTP by its channel', { channels: ['sftp'] }, start, 'Deny'],
    ['no start of SFTP by an operation', { channels: ['sftp'], commands: ['remove'] }, start, 'Allow'],
    ['no start of SFTP by a path', { channels: ['sftp'], paths: [{ path: '*' }] }, start, 'Allow'],
    ['every part that it names at once', { channels: ['sftp'], commands: ['rm'] }, exec(['rm x']), 'Allow'],
    ['no shell by a rule about programs', { commands: ['rm'] }, shell, 'Allow'],
    ['a forward by its channel', { channels: ['forward'] }, forward, 'Deny'],
  ])('%s', (_name, match, command, expected) => {
    expect(denies(match, command)).toBe(expected);
  });
});

describe('a forward', () => {
  const allowAll: PolicyRule = { name: 'all', action: 'Allow' };
  const named: PolicyRule = {
    name: 'db',
    action: 'Allow',
    match: { ssh: { channels: ['forward'], commands: ['direct-tcpip db.internal 5432'] } },
  };
  const held: PolicyRule = { ...named, action: 'RequireApproval', approval: { approvers: { groups: ['ops'] } } };
  const ssh = target({ protocol: 'SSH', defaultAction: 'Allow' });
  const answer = (command: SshCommand, policies: readonly Policy[]): string => {
    const { action, by } = sessionOf({ targets: [ssh], policies }).decide(command);
    return `${action} ${ruleName(by)}`;
  };

  it.each<readonly [string, readonly Policy[], string]>([
    ['is denied where everything else is allowed by default', [], 'Deny forward'],
    ['is denied where a rule allows everything', [policy({ rules: [allowAll] })], 'Deny forward'],
    ['is allowed by a rule that names its channel', [policy({ rules: [named] })], 'Allow data/guard/db'],
    ['is held by one', [policy({ rules: [held] })], 'RequireApproval data/guard/db'],
    [
      'is denied by a rule all the same',
      [policy({ rules: [named, { name: 'no', action: 'Deny' }] })],
      'Deny data/guard/no',
    ],
    ["is not allowed by a rule of the agent's side", [policy({ rules: [named] }, 'agents')], 'Deny forward'],
    ["is not allowed by a rule of the operator's", [policy({ rules: [named] }, 'ops')], 'Deny forward'],
    ['is not allowed by a rule that only observes', [policy({ mode: 'Observe', rules: [named] })], 'Deny forward'],
    [
      'is not allowed by a rule about PostgreSQL',
      [policy({ rules: [{ name: 'sql', action: 'Allow', match: { postgres: { statements: ['SELECT'] } } }] })],
      'Deny forward',
    ],
  ])('%s', (_what, policies, expected) => {
    expect(answer(forward, policies)).toBe(expected);
    expect(answer(exec(['ls']), [])).toBe('Allow default');
  });

  it('says what it wants', () => {
    const { reason } = sessionOf({ targets: [ssh] }).decide(forward);
    expect(reason).toBe(
      "No rule of the Target's side that names the channel forward allows forward, direct-tcpip db.internal 5432.",
    );
  });
});

describe('refusing a match for SSH', () => {
  it.each<readonly [SshMatch, string]>([
    [
      { channels: ['exec', 'Exec' as 'exec'] },
      'Policy data/guard spec.rules[0].match.ssh.channels[1]: SSH has no channel "Exec". Write exec, shell, sftp or forward.',
    ],
    [
      { commands: [' '] },
      'Policy data/guard spec.rules[0].match.ssh.commands[0]: " " does not name a command. Write the program, and the words that follow it where they count, as in systemctl restart *.',
    ],
    ...['etc/passwd', '/a/../b', '~bob/x', `/${'x'.repeat(512)}`].map((path): readonly [SshMatch, string] => [
      { paths: [{ path: '/ok' }, { path }] },
      `Policy data/guard spec.rules[0].match.ssh.paths[1].path: ${JSON.stringify(path)} does not name a path. Write it from the root or from ~/, without . and .. in it; * stands for any text, as in /var/log/*.`,
    ]),
  ])('%j', (ssh, line) => {
    const rules: readonly PolicyRule[] = [{ name: 'r', action: 'Deny', match: { ssh } }];
    const compiled = compileRules(input({ policies: [policy({ rules })] }), MARKING_MEANS);
    expect(compiled.ok ? [] : compiled.fault.map(describeFault)).toEqual([line]);
  });
});
