import { assertNever } from '@sidegate/crds';

/** Where in a sequence of a terminal's control language (ECMA-48, and xterm's own) the text is. */
type State = 'Text' | 'Escape' | 'Charset' | 'Sequence' | 'String';

const ESCAPE = '\u001b';
/** Letters behind `ESC`: cursor kept and put back, line feeds, a tab stop. */
const ESCAPES = new Set(['7', '8', 'D', 'E', 'H', 'M']);
/** What `ESC (` and `ESC )` may choose: ASCII, and lines to draw with. */
const CHARSETS = new Set(['B', '0']);
/** Final letters of `ESC [`: the cursor, erasing, inserting, deleting, scrolling, colours, margins. */
const FINALS = new Set('@ABCDEFGHIJKLMPSTXZ`adefgmrsu');
/** `ESC [ ?`: a picture beside the main one, the cursor shown or hidden, lines wrapped. */
const MODES = new Set(['7', '25', '47', '1047', '1048', '1049']);
const PARAMETERS = /^[\d;:]*$/u;
const SEQUENCE_CHARACTERS_MAX = 64;
/** Characters that turn the direction of writing. */
const TURNING = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

/** What puts a terminal back to how it was: modes, margins, colours, character sets. */
const RESTORED = '\u001b[?1049l\u001b[!p\u001b[?25h\u001b[?7h\u001b[0m\u001b(B\u000f';

/** Colours and character set as they were. */
export const SEEN = '\u001b[0m\u001b(B\u000f';

/**
 * Recorded output as it may go to the terminal of whoever looks on: text, colours, the cursor and the screen, and nothing that asks the terminal to answer,
 * to keep, or to stay otherwise afterwards (titles, clipboard, reports, modes of keyboard and mouse). Sequences may be cut anywhere. Without a `screen`
 * only text and line feeds are left.
 */
export class ScreenText {
  readonly #isScreen: boolean;
  #state: State = 'Text';
  #sequence = '';
  #hasCarriageReturn = false;
  #isChanged = false;
  /** What was written last did not end its line. */
  isInLine = false;

  constructor(isScreen: boolean) {
    this.#isScreen = isScreen;
  }

  /** Something of the terminal is otherwise than it was. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  add(text: string): string {
    let shown = '';
    for (const character of text) shown += this.#take(character);
    if (shown !== '') this.isInLine = !/[\n\r]$/u.test(shown);
    return shown;
  }

  /** What puts the terminal back; empty when nothing was changed. */
  end(): string {
    const isChanged = this.#isChanged;
    this.#state = 'Text';
    this.#isChanged = false;
    return isChanged ? RESTORED : '';
  }

  #take(character: string): string {
    if (character === ESCAPE) {
      this.#state = 'Escape';
      return '';
    }
    // CAN and SUB end whatever began.
    if (character === '\u0018' || character === '\u001a') {
      this.#state = 'Text';
      return '';
    }
    switch (this.#state) {
      case 'Text':
        return this.#text(character);
      case 'Escape':
        return this.#escape(character);
      case 'Charset':
        this.#state = 'Text';
        return CHARSETS.has(character) ? this.#pass(`${ESCAPE}${this.#sequence}${character}`) : '';
      case 'Sequence':
        return this.#inSequence(character);
      case 'String':
        // It ends with BEL here, with `ESC \` there.
        if (character === '\u0007') this.#state = 'Text';
        return '';
      default:
        return assertNever(this.#state);
    }
  }

  #text(character: string): string {
    if (!this.#isScreen) return this.#plain(character);
    if (character === '\u000e' || character === '\u000f') return this.#pass(character);
    const isMove = character === '\n' || character === '\r' || character === '\t' || character === '\b';
    return isMove || isShown(character) ? character : '';
  }

  /** A carriage return alone lets what follows write over what stands there: it begins a line of its own. */
  #plain(character: string): string {
    const before = this.#hasCarriageReturn && character !== '\n' && character !== '\r' ? '\n' : '';
    this.#hasCarriageReturn = character === '\r';
    const isPlain = character === '\n' || character === '\t' || isShown(character);
    return before + (isPlain ? character : '');
  }

  #escape(character: string): string {
    this.#state = 'Text';
    this.#sequence = '';
    if (character === '[') this.#state = 'Sequence';
    else if (']PX^_'.includes(character)) this.#state = 'String';
    else if (character === '(' || character === ')') {
      this.#sequence = character;
      this.#state = 'Charset';
    } else if (ESCAPES.has(character)) return this.#pass(ESCAPE + character);
    return '';
  }

  #inSequence(character: string): string {
    const isFinal = character >= '@' && character <= '~';
    if (!isFinal) {
      // Line feeds and the like are obeyed inside of a sequence; here it ends.
      if (character < ' ' || character > '~') this.#state = 'Text';
      else if (this.#sequence.length < SEQUENCE_CHARACTERS_MAX) this.#sequence += character;
      return '';
    }
    this.#state = 'Text';
    return isHarmless(this.#sequence, character) ? this.#pass(`${ESCAPE}[${this.#sequence}${character}`) : '';
  }

  #pass(sequence: string): string {
    if (!this.#isScreen) return '';
    this.#isChanged = true;
    return sequence;
  }
}

function isHarmless(parameters: string, final: string): boolean {
  if (parameters.length >= SEQUENCE_CHARACTERS_MAX) return false;
  if (parameters.startsWith('?')) {
    const modes = parameters.slice(1);
    if (final === 'J' || final === 'K') return PARAMETERS.test(modes);
    return (final === 'h' || final === 'l') && modes.split(';').every((mode) => MODES.has(mode));
  }
  // `4`: what is written moves the rest of the line. Otherwise h and l change how the terminal takes its input.
  if (final === 'h' || final === 'l') return parameters === '4';
  // With more parameters they follow the mouse, or set margins.
  if (final === 'T' || final === 's' || final === 'u') return /^\d{0,4}$/u.test(parameters);
  return FINALS.has(final) && PARAMETERS.test(parameters);
}

function isShown(character: string): boolean {
  return !/\p{Cc}/u.test(character) && !TURNING.test(character);
}
