import type { MaskRules } from '@sidegate/policy';
import { changeText, writeFrame } from '../codec.ts';
import type { Answer, NameEntry } from './codec.ts';
import { writeStatus } from './lane.ts';
import { PACKET } from './messages.ts';

/** An answer as one reader sees it. */
export interface Masked {
  /** Whole; undefined: as it came. */
  readonly bytes: Uint8Array | undefined;
  readonly maskedValues: number;
}

const UNCHANGED: Masked = { bytes: undefined, maskedValues: 0 };

/** Masks what an answer says in words: names, lines of listings, texts of errors. What is in files is not its matter. */
export function maskAnswer(id: number, answer: Answer, masks: MaskRules): Masked {
  if (masks.empty) return UNCHANGED;
  if (answer.kind === 'Names') return maskNames(id, answer.names, masks);
  if (answer.kind !== 'Status') return UNCHANGED;
  const text = masks.maskContent(answer.text);
  return text === answer.text ? UNCHANGED : { bytes: writeStatus(id, answer.code, text), maskedValues: 1 };
}

function maskNames(id: number, names: readonly NameEntry[], masks: MaskRules): Masked {
  let maskedValues = 0;
  const maskText = (text: string): string => {
    const shown = masks.maskContent(text);
    if (shown !== text) maskedValues += 1;
    return shown;
  };
  const mask = (bytes: Uint8Array): Uint8Array => changeText(bytes, maskText);
  const fields = names.flatMap(({ name, long, attributes }) => [mask(name), mask(long), { raw: attributes }]);
  if (maskedValues === 0) return UNCHANGED;
  return { bytes: writeFrame(PACKET.name, { uint32: id }, { uint32: names.length }, ...fields), maskedValues };
}
