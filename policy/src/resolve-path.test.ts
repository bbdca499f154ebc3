import { describe, expect, it } from '@jest/globals';
import { resolvePath } from './resolve-path.ts';

describe('resolving a path', () => {
  it.each([
    ['/srv', 'a/b', '/srv/a/b'],
    ['/srv', '/etc/./passwd', '/etc/passwd'],
    ['/srv', '../etc//passwd', '/etc/passwd'],
    ['/', '../../etc', '/etc'],
    ['/srv', '', '/srv'],
    ['~', 'x', '~/x'],
    ['~', './x/../y/', '~/y'],
    ['~/a', '..', '~'],
    ['~', '..', undefined],
    ['~', 'a/../../x', undefined],
    ['~', '/etc/x', '/etc/x'],
    ['/srv', '~/x', '~/x'],
    ['/srv', '~x', '/srv/~x'],
  ])('from %s to %s', (from, path, expected) => {
    expect(resolvePath(from, path)).toBe(expected);
  });
});
