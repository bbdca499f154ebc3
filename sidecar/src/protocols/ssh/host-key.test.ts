import { expect, test } from '@jest/globals';
import { openHostKey, readHostKey } from './host-key.ts';

test('every new key can be read again, and is the same', () => {
  for (let index = 0; index < 400; index += 1) {
    const made = openHostKey();
    const again = openHostKey(made.pem);
    expect(again.publicLine).toBe(made.publicLine);
    const read = readHostKey(made.publicLine);
    expect(read.ok && read.value.type).toBe('ssh-ed25519');
  }
});

test.each(['', 'no key', 'ssh-ed25519', 'ssh-ed25519 AAAA'])('"%s" is no host key', (line) => {
  expect(readHostKey(line).ok).toBe(false);
});

test('a file that holds no key is not gone on with', () => {
  expect(openHostKey('no key').publicLine).not.toBe('');
});
