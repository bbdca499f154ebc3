import { describe, expect, test } from '@jest/globals';
import type { JudgedCommand, Refusal } from '../../protocol.ts';
import type { Request } from './codec.ts';
import { OPEN, STATUS } from './messages.ts';
import {
  bytesOf,
  Conversation,
  type ConversationOptions,
  NO_MASKS,
  on,
  opening,
  pair,
} from './testing/conversation.ts';

const DENIED: Refusal = { kind: 'Denied', rule: 'data/guard/closed', reason: 'Nobody goes there.', hint: '' };
const LINE = 'sidegate: denied: data/guard/closed: Nobody goes there.';
const none = { extended: [] };

function open(options: Partial<ConversationOptions> = {}): Conversation {
  return Conversation.open({ masks: NO_MASKS, ...options });
}

const usesOf = ({ command }: JudgedCommand): readonly string[] =>
  command.protocol === 'SSH'
    ? command.paths.map(({ path, access, isTree }) => `${access} ${path ?? '?'}${isTree === true ? '/**' : ''}`)
    : [];

describe('what is judged', () => {
  test.each<readonly [string, Request, string, readonly string[]]>([
    ['a file that is read', opening('/data/x'), 'open /data/x read', ['Read /data/x']],
    [
      'a file that is written',
      opening('/data/x', OPEN.write | OPEN.create | OPEN.truncate),
      'open /data/x write create truncate',
      ['Write /data/x'],
    ],
    ['a file opened for nothing', opening('/x', 0), 'open /x', ['Read /x']],
    [
      'a file that reading creates',
      opening('/x', OPEN.read | OPEN.create),
      'open /x read create',
      ['Read /x', 'Write /x'],
    ],
    ['a path from home', opening('in/./../x'), 'open /srv/me/x read', ['Read /srv/me/x']],
    ['a path with more slashes', on('opendir', '//a//b/..//c/'), 'opendir /a/c', ['Read /a/c']],
    ['a path above the root', on('stat', '/../../etc'), 'stat /etc', ['Read /etc']],
    ['a file that is called ~', on('stat', '~/x'), 'stat /srv/me/~/x', ['Read /srv/me/~/x']],
    ['one with a blank', on('remove', '/a b'), 'remove "/a b"', ['Write /a b']],
    ['a link by name', on('lstat', '/x'), 'stat /x', ['Read /x']],
    ['what a link is', on('readlink', '/x'), 'readlink /x', ['Read /x']],
    [
      'a directory that is made',
      { kind: 'Set', operation: 'mkdir', path: bytesOf('/x'), attributes: none },
      'mkdir /x',
      ['Write /x'],
    ],
    [
      'rights that are set',
      {
        kind: 'Set',
        operation: 'lsetstat',
        path: bytesOf('/x'),
        attributes: { permissions: 0o100640, owner: { uid: 1, gid: 2 }, size: 3, extended: [] },
      },
      'setstat /x size=3 owner=1:2 mode=0640',
      ['Write /x'],
    ],
    ['a file that is moved', pair('rename', '/a', '/b'), 'rename /a /b', ['Read /a', 'Write /a', 'Write /b']],
    [
      'a directory that is moved',
      pair('posix-rename', '/dir', '/b'),
      'rename /dir /b',
      ['Read /dir/**', 'Write /dir/**', 'Write /b/**'],
    ],
    ['a second name', pair('hardlink', '/a', '/b'), 'hardlink /a /b', ['Read /a', 'Write /a', 'Write /b']],
    [
      'a link, whichever of both it is',
      pair('symlink', '../t', '/d/l'),
      'symlink /srv/t /d/l',
      ['Read /srv/t/**', 'Write /srv/t/**', 'Read /d/l/**', 'Write /d/l/**', 'Read /t/**', 'Write /t/**'],
    ],
    ['a path that the server completes', on('expand-path', '~/x'), 'expand-path ~/x', ['Read /srv/me/x']],
    ["another one's home", on('expand-path', '~bob/x'), 'expand-path ~bob/x', ['Read ?']],
    ['who somebody is', { kind: 'UsersGroups' }, 'users-groups-by-id', []],
  ])('%s', (_name, request, text, uses) => {
    const conversation = open({ links: {} });
    conversation.ask(1, request);
    const [one] = conversation.judgements;
    expect([one?.judged.text, one && usesOf(one.judged)]).toEqual([text, uses]);
    expect(one?.judged.command).toMatchObject({ channel: 'sftp', complete: true, home: '/srv/me' });
  });

  test('where links lead, besides how it was named', () => {
    const conversation = open({ links: { '/open/way': '/etc', '/open/file': '/etc/shadow' } });
    conversation.ask(1, opening('/open/file'));
    conversation.ask(2, on('remove', '/open/way/x'));
    conversation.ask(3, on('lstat', '/open/file'));
    expect(conversation.judgements.map(({ judged }) => usesOf(judged))).toEqual([
      ['Read /open/file', 'Read /etc/shadow'],
      ['Write /open/way/x', 'Write /etc/x'],
      ['Read /open/file'],
    ]);
  });

  test('what .. behind a link means to the server, besides what it means to the text', () => {
    const conversation = open({ links: { '/open/way/../s': '/etc/s', '/open/way/..': '/etc' } });
    conversation.ask(1, opening('/open/way/../s'));
    conversation.ask(2, on('remove', '/open/way/../s'));
    expect(conversation.judgements.map(({ judged }) => usesOf(judged))).toEqual([
      ['Read /open/s', 'Read /etc/s'],
      ['Write /open/s', 'Write /etc/s'],
    ]);
  });

  test('a link by name and what it leads to, where a slash stands behind it', () => {
    const conversation = open({ links: { '/open/way/': '/etc' } });
    conversation.ask(1, on('rmdir', '/open/way/'));
    expect(conversation.judgements.map(({ judged }) => usesOf(judged))).toEqual([['Write /open/way', 'Write /etc']]);
  });

  test('a file that is not there yet by its directory, and nothing is sent on where that is missing too', () => {
    const conversation = open({ links: { '/way/new': '', '/way': '/etc', '/no/new': '', '/no': '' } });
    conversation.ask(1, opening('/way/new', OPEN.write | OPEN.create));
    conversation.ask(2, opening('/no/new', OPEN.write | OPEN.create));
    expect(conversation.judgements.map(({ judged }) => usesOf(judged))).toEqual([
      ['Write /way/new', 'Write /etc/new'],
      ['Write /no/new'],
    ]);
    expect(conversation.asked.map(({ commandId }) => commandId)).toEqual([2]);
    expect(conversation.told).toMatchObject([{ id: 2, answer: { kind: 'Status', code: STATUS.noSuchFile } }]);
    expect(conversation.endings).toMatchObject([{ commandId: 3, outcome: 'Failed', errorCode: 'status 2' }]);
  });

  test('a file that is missing is refused where that is denied, whether it is there or not', () => {
    const conversation = open({ links: { '/no': '', '/': '' }, decide: () => DENIED });
    conversation.ask(1, on('stat', '/no'));
    expect(conversation.told).toMatchObject([{ id: 1, answer: { code: STATUS.permissionDenied, text: LINE } }]);
  });

  test('not where it starts', () => {
    const conversation = open();
    conversation.ask(5, on('realpath', '.'));
    expect(conversation.told.at(-1)).toMatchObject({ id: 5, commandId: 1, answer: { kind: 'Names' } });
    expect(conversation.judgements).toEqual([]);
  });

  test.each([
    ['no text', Uint8Array.of(47, 255)],
    ['a zero byte', bytesOf('/a\0b')],
    ['more than a path holds', bytesOf(`/${'x'.repeat(4_096)}`)],
  ])('no path with %s, which is refused', (_name, path) => {
    const conversation = open();
    conversation.ask(1, { kind: 'Path', operation: 'stat', path });
    expect([conversation.judgements, conversation.asked]).toEqual([[], []]);
    expect(conversation.told.at(-1)).toMatchObject({ id: 1, answer: { code: STATUS.permissionDenied } });
  });
});
