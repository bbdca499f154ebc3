import { expect, test } from '@jest/globals';
import { buildContentMask, buildJsonMask, findsNothing, type MaskRules } from '@sidegate/policy';
import { StreamMask, WHOLE_BYTES_MAX } from './stream-mask.ts';
import { MASKS } from './testing/exhibit.ts';

const KEY = Buffer.from('a key for tests');
const HIDDEN = { rule: 'hidden', with: { type: 'Redact' } } as const;
const DETECT = [
  { detector: 'Email', mask: HIDDEN },
  { detector: 'PrivateKey', mask: HIDDEN },
] as const;
const maskContent = buildContentMask(DETECT, KEY);
const masks: MaskRules = {
  ...MASKS,
  detect: DETECT,
  maskContent,
  maskJson: buildJsonMask([], maskContent, KEY),
  passesContent: (bytes, start, end) => findsNothing(bytes, ['Email', 'PrivateKey'], start, end),
};

const PEM = [
  '-----BEGIN OPENSSH PRIVATE KEY-----',
  'b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAAB',
  'AAAAMwAAAAtzc2gtZWQyNTUxOQAAACB',
  '-----END OPENSSH PRIVATE KEY-----',
].join('\n');

/** What comes out of pieces of so many bytes, all in all. */
function shown(text: string, bytes = text.length, rules = masks): string {
  const mask = new StreamMask(rules);
  const all = Buffer.from(text);
  let out = '';
  for (let at = 0; at < all.length; at += bytes) out += Buffer.from(mask.push(all.subarray(at, at + bytes))).toString();
  return out + Buffer.from(mask.end()).toString();
}

test('a key of many lines is not looked through from its start with each of them', () => {
  let looked = 0;
  const passesContent = (bytes: Uint8Array, start = 0, end = bytes.length): boolean => {
    looked += end - start;
    return findsNothing(bytes, ['Email', 'PrivateKey'], start, end);
  };
  const lines = ['-----BEGIN PRIVATE KEY-----', ...Array.from({ length: 500 }, () => 'b3BlbnNzaC1rZXktdjEA')];
  const mask = new StreamMask({ ...masks, passesContent });
  for (const line of lines) mask.push(Buffer.from(`${line}\n`));
  expect(looked).toBeLessThan(2 * lines.join('\n').length);
});

test.each([
  ['a line', 'a ada@example.com b\nc\n', 'a [masked] b\nc\n'],
  ['a line without its end', 'a\nada@example.com', 'a\n[masked]'],
  ['a key', `a\n${PEM}\nb\n`, 'a\n[masked]\nb\n'],
  ['a key at the very end', `a\n${PEM}`, 'a\n[masked]'],
  ['a key that is cut', `a\n${PEM.slice(0, 90)}`, 'a\n[masked]'],
  ['two keys, the second in the line where the first ends', `${PEM} x ${PEM}\nb\n`, '[masked] x [masked]\nb\n'],
  ['a key between addresses', `ada@example.com\n${PEM}\nada@example.com\n`, '[masked]\n[masked]\n[masked]\n'],
  ['JSON that hides content behind escapes', '{"a":"ada\\u0040example.com"}\n', '{"a":"[masked]"}\n'],
  ['nothing to mask', 'a\nb\n\nc', 'a\nb\n\nc'],
])('%s is masked the same in pieces of any size', (_what, text, expected) => {
  for (let bytes = 1; bytes <= text.length; bytes += 1) expect([bytes, shown(text, bytes)]).toEqual([bytes, expected]);
});

test('JSON fields are masked in lines in which no detector finds anything', () => {
  const paths = [{ path: '$.pin', mask: HIDDEN }];
  const rules = { ...masks, fields: paths, maskJson: buildJsonMask(paths, maskContent, KEY) };
  expect(shown('{"pin":"x"}\n', 3, rules)).toBe('{"pin":"[masked]"}\n');
});

test('without masks every piece goes on as it came', () => {
  const mask = new StreamMask({ ...masks, empty: true });
  const piece = Buffer.from('ada@exam');
  expect([mask.push(piece), mask.end()]).toEqual([piece, new Uint8Array(0)]);
});

test.each([
  ['a line', '', 'x'],
  ['a key', '-----BEGIN PRIVATE KEY-----\n', 'MIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n'],
])('%s too long to be read whole is given up: no part of it is shown, and nothing behind it', (_what, start, unit) => {
  const mask = new StreamMask(masks);
  const piece = Buffer.from(unit.repeat(1_000));
  let out = Buffer.from(mask.push(Buffer.from(`before\n${start}`))).toString();
  let given = start.length;
  for (; !mask.isOverlong; given += piece.length) out += Buffer.from(mask.push(piece)).toString();
  expect(given).toBeLessThanOrEqual(WHOLE_BYTES_MAX + piece.length);
  out += Buffer.from(mask.push(Buffer.from('\nada@example.com\n'))).toString() + Buffer.from(mask.end()).toString();
  expect([out, mask.maskedValues]).toEqual(['before\n[masked]', 1]);
});

test('a line of just the length that is read whole is masked in it', () => {
  const address = ' ada@example.com\n';
  const line = `${'x'.repeat(WHOLE_BYTES_MAX - address.length)}${address}`;
  expect(shown(line, 40_000).slice(-11)).toBe('x [masked]\n');
});

test.each(['ju\u0308rgen@example.com', 'j\u00fcrgen@example.com'])(
  'a byte that is no UTF-8 hides nothing of %s beside it',
  (address) => {
    const mask = new StreamMask(MASKS);
    const line = Buffer.concat([Buffer.of(0xff), Buffer.from(` ${address} `), Buffer.of(0xe2, 0x0a)]);
    expect(Buffer.from(mask.push(line)).toString('latin1')).toBe('\u00ff [masked] \u00e2\n');
  },
);
