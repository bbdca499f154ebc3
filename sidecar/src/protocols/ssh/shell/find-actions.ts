import type { ShellWord } from './syntax.ts';

/** A program that find starts. */
export interface FindAction {
  readonly words: readonly ShellWord[];
  /** It starts where the file is. */
  readonly isMoved: boolean;
}

const RUNS = /^-(?:exec|ok)(?:dir)?$/;

/** The programs that find starts, up to where its words do not tell them; `isWhole`: they tell them all. */
export function readFind(words: readonly ShellWord[]): {
  readonly actions: readonly FindAction[];
  readonly isWhole: boolean;
} {
  const actions: FindAction[] = [];
  for (let at = 1; at < words.length; at += 1) {
    const word = words[at];
    if (word === undefined) break;
    if (mayBeAny(word) && (!word.isOne || mayBegin(words, at))) return { actions, isWhole: false };
    if (!RUNS.test(word.text ?? '')) continue;
    const end = words.findIndex((_, index) => index > at && isEnd(words, index));
    if (end <= at + 1) return { actions, isWhole: false };
    const inner = words.slice(at + 1, end);
    actions.push({ words: inner, isMoved: word.text?.endsWith('dir') === true });
    // One that turns out to be its end lets another begin.
    const unknown = inner.findIndex(mayBeAny);
    const isOver = unknown >= 0 && inner.slice(unknown + 1).some((one) => mayBeAny(one) || RUNS.test(one.text ?? ''));
    if (isOver) return { actions, isWhole: false };
    at = end;
  }
  return { actions, isWhole: true };
}

/** It may turn into an action, or into the end of one. */
function mayBeAny({ text, isOperand }: ShellWord): boolean {
  return text === undefined && !isOperand;
}

function isEnd(words: readonly ShellWord[], at: number): boolean {
  const text = words[at]?.text;
  return text === ';' || (text === '+' && words[at - 1]?.text === '{}');
}

/** True when a program would follow that ends somewhere, if the word turned into -exec: in front of an option there is none. */
function mayBegin(words: readonly ShellWord[], at: number): boolean {
  const next = words[at + 1];
  if (next === undefined || next.text?.startsWith('-') === true) return false;
  return words.some((word, index) => index > at + 1 && (isEnd(words, index) || mayBeAny(word)));
}
