import { expect, test } from '@jest/globals';
import { targetsWish } from './container-runtime.ts';

const there = (): boolean => true;
const nowhere = (): boolean => false;

test('without a word the daemon of this machine is asked for, where there is one', () => {
  expect(targetsWish({}, there)).toEqual({
    asked: 'WhereDockerAnswers',
    socket: { ok: true, value: '/var/run/docker.sock' },
  });
  expect(targetsWish({}, nowhere).socket).toEqual({ ok: false, fault: 'there is no /var/run/docker.sock' });
});

test('DOCKER_HOST names another one, of this machine', () => {
  const seen: string[] = [];
  const isThere = (path: string): boolean => seen.push(path) > 0;
  expect(targetsWish({ DOCKER_HOST: 'unix:///run/other.sock' }, isThere).socket).toEqual({
    ok: true,
    value: '/run/other.sock',
  });
  expect(seen).toEqual(['/run/other.sock']);
  expect(targetsWish({ DOCKER_HOST: 'unix:///run/other.sock' }, nowhere).socket.ok).toBe(false);
});

test.each(['tcp://127.0.0.1:2375', 'ssh://alice@builder', 'builder'])(
  'a daemon at %s serves no targets, for their ports may be elsewhere',
  (host) => {
    expect(targetsWish({ DOCKER_HOST: host }, there).socket).toEqual({
      ok: false,
      fault: expect.stringContaining(host),
    });
  },
);

test.each(['Containers', 'Programs'] as const)('SIDEGATE_TARGETS may ask for %s', (asked) => {
  expect(targetsWish({ SIDEGATE_TARGETS: asked }, there).asked).toBe(asked);
});

test.each(['containers', 'Docker'])('SIDEGATE_TARGETS may not be "%s"', (asked) => {
  expect(() => targetsWish({ SIDEGATE_TARGETS: asked }, there)).toThrow(/SIDEGATE_TARGETS/);
});
