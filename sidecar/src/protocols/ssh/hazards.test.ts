import { describe, expect, test } from '@jest/globals';
import type { Playback } from '../playback.ts';
import { writeData, writeFrame } from './codec.ts';
import { MESSAGE } from './messages.ts';
import { MASKS, NO_SSH_MASKS, sshExhibit } from './testing/exhibit.ts';
import { exec, openPlayback, sentBy, typesOf, u32 } from './testing/ssh-playback.ts';

const remarks = (playback: Playback): number => playback.trace.filter(({ kind }) => kind === 'Remark').length;

describe('what is refused by default', () => {
  test.each([
    ['a forward to a port', 'direct-tcpip', ['10.0.0.1', u32(80), '127.0.0.1', u32(1)]],
    ['a forward to a socket', 'direct-streamlocal@openssh.com', ['/run/docker.sock', '', u32(0)]],
    ['a tunnel', 'tun@openssh.com', [u32(1), u32(0)]],
    ['a channel that nobody knows', 'surprise', []],
  ] as const)('%s reaches nobody, and is remarked', (_what, type, rest) => {
    const playback = openPlayback();
    const open = writeFrame(MESSAGE.channelOpen, type, u32(9), u32(1000), u32(1000), ...rest);
    let told: readonly Uint8Array[] = [];
    expect(sentBy(playback, 'Target', () => (told = sentBy(playback, 'Agent', () => playback.agent(open))))).toEqual(
      [],
    );
    expect(typesOf(told)).toEqual([MESSAGE.channelOpenFailure]);
    expect([remarks(playback), playback.closed, playback.violations]).toEqual([1, false, []]);
  });

  test.each(['tcpip-forward', 'streamlocal-forward@openssh.com', 'surprise'])(
    'the request %s gets a failure, and is remarked',
    (name) => {
      const playback = openPlayback();
      const request = writeFrame(MESSAGE.globalRequest, name, true, '0.0.0.0', u32(8080));
      expect(typesOf(sentBy(playback, 'Agent', () => playback.agent(request)))).toEqual([MESSAGE.requestFailure]);
      expect(remarks(playback)).toBe(1);
    },
  );

  test.each(['auth-agent-req@openssh.com', 'x11-req', 'surprise'])('so does %s in a channel', (name) => {
    const playback = openPlayback();
    const request = writeFrame(MESSAGE.channelRequest, u32(0), name, true);
    let told: readonly Uint8Array[] = [];
    expect(sentBy(playback, 'Target', () => (told = sentBy(playback, 'Agent', () => playback.agent(request))))).toEqual(
      [],
    );
    expect(typesOf(told)).toEqual([MESSAGE.channelFailure]);
    expect(remarks(playback)).toBe(1);
  });

  test.each([
    ['sftp\0', false],
    ['sftp ', false],
    ['s\u{200b}ftp', false],
    ['', false],
    ['netconf', true],
  ])('a subsystem named %j is asked for only by a plain name: %s', (name, isAsked) => {
    const playback = openPlayback(undefined, { masks: NO_SSH_MASKS });
    const request = writeFrame(MESSAGE.channelRequest, u32(0), 'subsystem', true, name);
    const sent = typesOf(sentBy(playback, 'Target', () => playback.agent(request)));
    expect([sent, playback.violations]).toEqual([[isAsked ? MESSAGE.channelRequest : MESSAGE.channelClose], []]);
  });

  test.each(['forwarded-tcpip', 'auth-agent@openssh.com', 'x11', 'session'])(
    'a channel %s that the target opens does not reach the agent',
    (type) => {
      const playback = openPlayback();
      const open = writeFrame(MESSAGE.channelOpen, type, u32(3), u32(1000), u32(1000), 'x', u32(1), 'y', u32(2));
      let told: readonly Uint8Array[] = [];
      expect(sentBy(playback, 'Agent', () => (told = sentBy(playback, 'Target', () => playback.target(open))))).toEqual(
        [],
      );
      expect(typesOf(told)).toEqual([MESSAGE.channelOpenFailure]);
    },
  );
});

describe('what belongs to a command waits for its permit', () => {
  const environment = writeFrame(MESSAGE.channelRequest, u32(0), 'env', true, 'LANG', 'C');

  test('a variable and a terminal go with the command that is let through', () => {
    const playback = openPlayback();
    expect(sentBy(playback, 'Target', () => playback.agent(environment))).toEqual([]);
    expect(typesOf(sentBy(playback, 'Target', () => playback.agent(exec('date'))))).toEqual([
      MESSAGE.channelRequest,
      MESSAGE.channelRequest,
    ]);
  });

  test('and nowhere with one that is refused', () => {
    const playback = openPlayback();
    playback.agent(environment);
    expect(typesOf(sentBy(playback, 'Target', () => playback.agent(exec('rm -rf everything'))))).toEqual([
      MESSAGE.channelClose,
    ]);
  });

  test.each([
    ['LD_PRELOAD', '/tmp/x.so', MESSAGE.channelFailure],
    ['LANG', '$(id)', MESSAGE.channelFailure],
    ['LC_ALL', 'C.UTF-8', MESSAGE.channelSuccess],
  ])('the variable %s=%s', (name, value, answer) => {
    const playback = openPlayback();
    const request = writeFrame(MESSAGE.channelRequest, u32(0), 'env', true, name, value);
    expect(typesOf(sentBy(playback, 'Agent', () => playback.agent(request)))).toEqual([answer]);
  });

  test('input too, and a channel runs one command only', () => {
    const playback = openPlayback();
    expect(sentBy(playback, 'Target', () => playback.agent(writeData(0, false, Buffer.from('early'))))).toEqual([]);
    expect(typesOf(sentBy(playback, 'Target', () => playback.agent(exec('cat'))))).toEqual([
      MESSAGE.channelRequest,
      MESSAGE.channelData,
    ]);
    expect(sentBy(playback, 'Target', () => playback.agent(exec('date')))).toEqual([]);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });
});

describe('what masks cannot reach', () => {
  const told = (playback: Playback): string => Buffer.from(playback.sent('Agent')).toString('latin1');

  test.each([
    'scp -t /tmp/x',
    '/usr/bin/scp -v -r -f /tmp/x',
    'rsync --server --sender -logDtpre.iLsfxCIvu . /tmp/x',
    "git-upload-pack '/srv/x.git'",
    'git receive-pack /srv/x.git',
    'cd /srv && git-upload-archive x.git',
  ])('%s is refused with the reason, not left waiting for bytes that masks keep back', (text) => {
    const playback = openPlayback();
    expect(typesOf(sentBy(playback, 'Target', () => playback.agent(exec(text))))).toEqual([MESSAGE.channelClose]);
    expect(told(playback)).toMatch(/sidegate: denied: ssh: Masks are in force, which cannot reach what/);
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });

  test.each(['scp host:a b', 'rsync -a a b', 'git log', 'cat scp rsync'])('%s writes text, and runs', (text) => {
    const playback = openPlayback();
    expect(typesOf(sentBy(playback, 'Target', () => playback.agent(exec(text))))).toEqual([MESSAGE.channelRequest]);
  });

  test('and what runs already is ended when masks come; what can be masked goes on', () => {
    const playback = openPlayback(sshExhibit.opening, { masks: NO_SSH_MASKS });
    playback.agent(Buffer.concat([exec('rsync --server . x', 0), exec('cat', 1)]));
    playback.target(Buffer.concat([0, 1].map((id) => writeFrame(MESSAGE.channelSuccess, u32(id)))));
    const closed = sentBy(playback, 'Target', () => playback.masksChanged(MASKS));
    expect(closed).toEqual([Buffer.from(writeFrame(MESSAGE.channelClose, u32(0)).subarray(4))]);
    expect(told(playback)).toContain('what rsync says to its other side');
    playback.target(writeData(1, false, Buffer.from('ada@example.com\n')));
    expect(told(playback)).toContain('[masked]\n');
    expect([playback.closed, playback.violations]).toEqual([false, []]);
  });
});

describe('windows', () => {
  /** A session whose agent takes ten bytes at first. */
  const narrow = sshExhibit.opening
    .slice(0, 4)
    .concat(
      { from: 'Agent', bytes: writeFrame(MESSAGE.channelOpen, 'session', u32(7), u32(10), u32(1000)) },
      { from: 'Target', bytes: writeFrame(MESSAGE.channelOpenConfirmation, u32(0), u32(0), u32(10), u32(1000)) },
    );

  test('an end waits behind output that the agent does not take yet', () => {
    const playback = openPlayback(narrow);
    playback.agent(exec('uptime'));
    const done = Buffer.concat([
      writeFrame(MESSAGE.channelSuccess, u32(0)),
      writeFrame(MESSAGE.channelRequest, u32(0), 'exit-status', false, u32(0)),
      writeFrame(MESSAGE.channelClose, u32(0)),
    ]);
    // The line that says why it waited takes more than the ten bytes.
    expect(typesOf(sentBy(playback, 'Agent', () => playback.target(done)))).toEqual([MESSAGE.channelSuccess]);
    const told = sentBy(playback, 'Agent', () =>
      playback.agent(writeFrame(MESSAGE.channelWindowAdjust, u32(0), u32(10_000))),
    );
    expect(typesOf(told).at(-1)).toBe(MESSAGE.channelClose);
    expect(typesOf(told)).toContain(MESSAGE.channelExtendedData);
    expect(playback.violations).toEqual([]);
  });

  test.each([
    [10, false],
    [11, true],
  ])('%d bytes of input where ten were granted: the session ends is %s', (bytes, ends) => {
    const playback = openPlayback(narrow);
    playback.agent(exec('cat'));
    playback.agent(writeData(0, false, new Uint8Array(bytes)));
    expect(playback.closed).toBe(ends);
  });

  test.each([
    [10, false],
    [11, true],
  ])('%d bytes of output where ten were granted: the session ends is %s', (bytes, ends) => {
    const playback = openPlayback(narrow);
    playback.agent(exec('cat'));
    playback.target(writeFrame(MESSAGE.channelSuccess, u32(0)));
    playback.target(writeData(0, false, new Uint8Array(bytes)));
    expect(playback.closed).toBe(ends);
  });
});

describe('a target that speaks unasked', () => {
  test.each([
    ['output of no command', writeData(0, false, Buffer.from('x'))],
    ['an answer to nothing', writeFrame(MESSAGE.channelSuccess, u32(0))],
    ['a channel that is not open', writeData(77, false, Buffer.from('x'))],
    ['a message of the agent', writeFrame(MESSAGE.userauthRequest, 'x', 'y', 'none')],
  ])('%s ends the session', (_what, bytes) => {
    const playback = openPlayback();
    playback.target(bytes);
    expect([playback.closed, playback.violations]).toEqual([true, []]);
  });
});
