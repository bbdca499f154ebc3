import { describe, expect, test } from '@jest/globals';
import * as fc from 'fast-check';
import { ScreenText } from './screen-text.ts';

const screen = (...pieces: readonly string[]): string => {
  const text = new ScreenText(true);
  return pieces.map((piece) => text.add(piece)).join('');
};
const plain = (...pieces: readonly string[]): string => {
  const text = new ScreenText(false);
  return pieces.map((piece) => text.add(piece)).join('');
};

describe('output on a screen', () => {
  test.each([
    ['colours', '\u001b[1;38;5;3mred\u001b[0m'],
    ['the cursor', '\u001b[2J\u001b[H\u001b[10;20Hhere\u001b[K\u001b7\u001b8'],
    ['another screen', '\u001b[?1049h\u001b[?25l\u001b[?25h\u001b[?1049l'],
    ['lines to draw with', '\u001b(0qqq\u001b(B'],
    ['tabs, backspaces and line ends', 'a\tb\bc\r\n'],
    ['all languages and signs', 'Grüße 你好 👩‍🚀'],
  ])('has %s as they are', (_what, text) => {
    expect(screen(text)).toBe(text);
    // However it is cut.
    expect(screen(...Array.from(text))).toBe(text);
  });

  test.each([
    ['a title', '\u001b]0;mine\u0007'],
    ['a title that ends otherwise', '\u001b]2;mine\u001b\\'],
    ['the clipboard', '\u001b]52;c;cm0gLXJmIH4=\u0007'],
    ['a link', '\u001b]8;;http://evil.example\u0007'],
    ['a question for the cursor', '\u001b[6n'],
    ['a question for the terminal', '\u001b[c\u001b[>c\u001b[?1$p\u001b[>q'],
    ['a question for the title', '\u001b[21t'],
    ['a string for the device', '\u001bP$q"p\u001b\\'],
    ['keyboard and mouse', '\u001b[?1h\u001b[?1000h\u001b[?1006h\u001b[?2004h\u001b=\u001b>\u001b[>1u\u001b[20h'],
    ['a reset', '\u001bc'],
    ['bells', '\u0007'],
    ['turned text', '\u202e\u2066'],
    ['control characters of eight bits', '\u009b'],
    ['a sequence without an end', `\u001b[${'1;'.repeat(40)}m`],
    ['a harmless mode in bad company', '\u001b[?25;1000h'],
  ])('has no %s', (_what, text) => {
    expect(screen(`a${text}b`)).toBe('ab');
    expect(screen(...Array.from(`a${text}b`))).toBe('ab');
    expect(plain(`a${text}b`)).toBe('ab');
  });

  test('is put back when it was changed, and only then', () => {
    const text = new ScreenText(true);
    text.add('plain\n');
    expect(text.end()).toBe('');
    text.add('\u001b[?1049h\u001b[31m');
    expect(text.end()).toContain('\u001b[?1049l');
    expect(text.end()).toBe('');
  });

  test('knows whether a line was begun', () => {
    const text = new ScreenText(true);
    text.add('$ ');
    expect(text.isInLine).toBe(true);
    text.add('\r\n');
    expect(text.isInLine).toBe(false);
  });

  test('never has a sequence that is not among the harmless ones, whatever comes', () => {
    const alphabet = fc.constantFrom(
      '\u001b',
      '[',
      ']',
      'P',
      '?',
      '>',
      ';',
      '6',
      '25',
      'n',
      'c',
      'h',
      'm',
      'H',
      '\u0007',
      'x',
    );
    fc.assert(
      fc.property(fc.array(alphabet, { maxLength: 40 }), (words) => {
        const text = words.join('');
        const shown = screen(text);
        expect(shown).toBe(screen(...Array.from(text)));
        // biome-ignore lint/suspicious/noControlCharactersInRegex: this is what is looked for
        const left = shown.replaceAll(/\u001b(?:\[[\d;]*[HmP]|\[\?25h|[78DEHM])/gu, '');
        expect(left).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});

describe('output that no screen takes', () => {
  test('is text and line feeds', () => {
    expect(plain('\u001b[31mred\u001b[0m\r\n10%\r20%\r\nlast')).toBe('red\n10%\n20%\nlast');
    expect(plain('a\r', '\nb\r', 'c')).toBe('a\nb\nc');
  });
});
