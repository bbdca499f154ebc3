import { assertNever } from '@sidegate/crds';
import { MASKED, type Mask, type MaskRules, parseJsonPath } from '@sidegate/policy';
import { asMixedText, fromMixedText } from '../mixed-text.ts';
import { passesMasks } from '../passes-masks.ts';
import type { AnswerPlan } from './answers.ts';
import { asLatin1, asUtf8, nameOf, TYPE, writeBulk, writeNull } from './codec.ts';
import type { Frame } from './reply-reader.ts';

/** What stands in for a text: itself, or other bytes of a whole value. */
export type Masked = Uint8Array | 'Same';

/** Masks the values of one answer. `base` is how many frames stand around the answer itself: 1 for one in the answer to EXEC. */
export class AnswerMasker {
  readonly #plan: AnswerPlan;
  readonly #masks: MaskRules;
  readonly #version: 2 | 3;
  readonly #base: number;

  constructor(plan: AnswerPlan, masks: MaskRules, version: 2 | 3, base: number) {
    this.#plan = plan;
    this.#masks = masks;
    this.#version = version;
    this.#base = base;
  }

  /** A value as it was received, `text` being what is in it. */
  mask(type: number, text: Uint8Array, frames: readonly Frame[]): Masked {
    switch (type) {
      case TYPE.bulk:
        return this.#text(text, frames, (masked) => writeBulk(masked));
      case TYPE.verbatim:
        return this.#text(text.subarray(4), frames, (masked) =>
          writeTyped('=', Buffer.concat([text.subarray(0, 4), masked])),
        );
      case TYPE.simple:
        return this.#content(text, (masked) => Buffer.concat([Buffer.from('+'), oneLine(masked), Buffer.from('\r\n')]));
      case TYPE.error:
        return this.#content(text, (masked) => Buffer.concat([Buffer.from('-'), oneLine(masked), Buffer.from('\r\n')]));
      case TYPE.bulkError:
        return this.#content(text, (masked) => writeTyped('!', masked));
      case TYPE.integer:
      case TYPE.double:
      case TYPE.bigNumber:
        return this.#number(text);
      default:
        return 'Same';
    }
  }

  #text(text: Uint8Array, frames: readonly Frame[], write: (masked: Uint8Array) => Uint8Array): Masked {
    const mask = this.#masks.keys === undefined ? undefined : this.#maskAt(frames);
    if (mask !== undefined) {
      const masked = this.#masks.maskValue(mask, asUtf8(text) ?? asLatin1(text));
      return masked === null ? writeNull(this.#version) : write(Buffer.from(masked));
    }
    const open = this.#plan.kind === 'Secrets' ? withoutSecrets(text, frames.at(-1)) : undefined;
    if (open !== undefined) return write(Buffer.from(open));
    if (this.#plan.kind === 'Json') return this.#json(text, this.#plan, write);
    return this.#content(text, write);
  }

  #content(text: Uint8Array, write: (masked: Uint8Array) => Uint8Array): Masked {
    const masked = maskContent(text, this.#masks);
    return masked === undefined ? 'Same' : write(masked);
  }

  /** INCRBY by nothing gives a string as a number. What is masked is none any longer, and comes as a string. */
  #number(text: Uint8Array): Masked {
    if (this.#masks.passesContent?.(text) === true) return 'Same';
    const shown = asLatin1(text);
    const masked = this.#masks.maskContent(shown);
    return masked === shown ? 'Same' : writeBulk(Buffer.from(masked));
  }

  /** Documents of which a path was asked for are masked as what they are in the whole one. */
  #json(
    text: Uint8Array,
    { isWhole, path }: Extract<AnswerPlan, { kind: 'Json' }>,
    write: (masked: Uint8Array) => Uint8Array,
  ): Masked {
    if (isWhole || this.#masks.fields.length === 0) return this.#content(text, write);
    const shown = asUtf8(text);
    const masked = shown === undefined || path === undefined ? undefined : maskBelow(shown, path, this.#masks);
    return write(Buffer.from(masked ?? JSON.stringify(MASKED)));
  }

  #maskAt(frames: readonly Frame[]): Mask | undefined {
    const plan = this.#plan;
    const keys = this.#masks.keys;
    if (keys === undefined) return undefined;
    const depth = frames.length - this.#base;
    const at = (level: number): Frame | undefined => frames[this.#base + level];
    switch (plan.kind) {
      case 'Plain':
      case 'Names':
      case 'Secrets':
      case 'Topology':
        return undefined;
      case 'Values':
        return this.#strongest(plan.keys, plan.ofFields);
      case 'Json':
        return this.#strongest(plan.keys, true);
      case 'PerKey': {
        const key = plan.keys[at(0)?.index ?? 0];
        return key === undefined ? undefined : keys.mask(key);
      }
      case 'Pairs':
        return fieldMask(keys, plan.key, frames.at(-1));
      case 'Fields': {
        const field = plan.fields[at(0)?.index ?? 0];
        return field === undefined ? keys.any(plan.key, false) : keys.mask(plan.key, field);
      }
      case 'HashScan':
        return depth < 2 ? undefined : fieldMask(keys, plan.key, at(1));
      case 'SetScan':
        return depth < 2 ? undefined : keys.mask(plan.key);
      case 'Popped': {
        const outer = at(0);
        return outer === undefined || outer.index === 0 ? undefined : this.#maskOf(outer.before);
      }
      case 'Message': {
        const outer = at(0);
        const isPayload = depth === 1 && outer !== undefined && outer.count > 2 && outer.index === outer.count - 1;
        return isPayload ? this.#maskOf(outer.before) : undefined;
      }
      case 'Entries':
        return depth < 3 ? undefined : fieldMask(keys, plan.key, at(2));
      case 'Claimed':
        return depth < 4 ? undefined : fieldMask(keys, plan.key, at(3));
      case 'Streams': {
        const isMap = at(0)?.type === TYPE.map;
        const named = isMap ? at(0) : at(1);
        const fields = isMap ? at(3) : at(4);
        if (fields === undefined || named === undefined) return undefined;
        return named.before === undefined ? this.#masks.unknownOrigin : fieldMask(keys, named.before, fields);
      }
      default:
        return assertNever(plan);
    }
  }

  /** On the value of a key. Of which key it is nobody knows where masks came in between. */
  #maskOf(key: string | undefined): Mask | undefined {
    return key === undefined ? this.#masks.unknownOrigin : this.#masks.keys?.mask(key);
  }

  #strongest(names: readonly string[], ofFields: boolean): Mask | undefined {
    for (const name of names) {
      const mask = ofFields ? this.#masks.keys?.any(name, false) : this.#masks.keys?.mask(name);
      // Of several keys nobody can tell which the value is of.
      if (mask !== undefined) return names.length === 1 ? mask : { ...mask, with: { type: 'Redact' } };
    }
    return undefined;
  }
}

/** Settings whose values are passwords. */
const SECRET_SETTING = /^(?:requirepass|masterauth|primaryauth|.*-pass)$/i;
/** What Redis shows of an account's passwords: SHA-256 in hexadecimal digits. */
const PASSWORD_HASH = /\b[0-9a-f]{64}\b/g;

/** A setting, or a text about accounts, with its passwords masked; undefined: there are none. */
function withoutSecrets(text: Uint8Array, frame: Frame | undefined): string | undefined {
  const shown = asLatin1(text);
  if (frame !== undefined && frame.index % 2 === 1 && SECRET_SETTING.test(frame.before ?? '')) {
    return shown === '' ? undefined : MASKED;
  }
  const masked = shown.replaceAll(PASSWORD_HASH, MASKED);
  return masked === shown ? undefined : masked;
}

/** The mask on the second of each pair; the first is the field's name. */
function fieldMask(keys: NonNullable<MaskRules['keys']>, key: string, frame: Frame | undefined): Mask | undefined {
  if (frame === undefined || frame.index % 2 === 0) return undefined;
  return frame.before === undefined ? keys.any(key, false) : keys.mask(key, frame.before);
}

/** The text with JSON fields and contents masked; undefined when nothing changes. What looks like JSON and is none is hidden where fields are masked. */
export function maskContent(text: Uint8Array, masks: MaskRules): Uint8Array | undefined {
  if (text.length === 0 || passesMasks(text, masks)) return undefined;
  const shown = asMixedText(text);
  const masked = maskText(shown, masks);
  return masked === shown ? undefined : fromMixedText(masked);
}

/** As `maskContent`, on a text. */
export function maskText(text: string, masks: MaskRules): string {
  if (masks.fields.length > 0 && /^\s*[[{]/.test(text) && !isJson(text)) {
    return masks.maskValue(masks.unknownOrigin, text) ?? MASKED;
  }
  return masks.maskJson(text);
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * Masks what JSON.GET gave for one path, as if it stood in its document. Undefined: the path is more than names and indexes, or the answer is not what
 * such a path gives.
 */
function maskBelow(text: string, path: string, masks: MaskRules): string | undefined {
  const isLegacy = !path.startsWith('$');
  const parsed = parseJsonPath(isLegacy ? `$${path.startsWith('.') || path.startsWith('[') ? '' : '.'}${path}` : path);
  if (!parsed.ok) return undefined;
  let before = '';
  let after = '';
  for (const step of parsed.value.steps) {
    if (step.kind !== 'Name' || step.deep) return undefined;
    before += `{${JSON.stringify(step.name)}:`;
    after = `}${after}`;
  }
  const values = isLegacy ? [text] : elementsOf(text);
  if (values === undefined) return undefined;
  const masked: string[] = [];
  for (const value of values) {
    const whole = masks.maskJson(`${before}${value}${after}`);
    if (!whole.startsWith(before) || !whole.endsWith(after)) return undefined;
    masked.push(whole.slice(before.length, whole.length - after.length));
  }
  return isLegacy ? masked[0] : `[${masked.join(',')}]`;
}

function elementsOf(text: string): readonly string[] | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value.map((element) => JSON.stringify(element)) : undefined;
  } catch {
    return undefined;
  }
}

function writeTyped(type: string, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${type}${bytes.length}\r\n`), bytes, Buffer.from('\r\n')]);
}

function oneLine(bytes: Uint8Array): Uint8Array {
  return bytes.map((byte) => (byte === 0x0d || byte === 0x0a ? 0x20 : byte));
}

/** The name that a value stands behind, as masks know it. */
export function nameBefore(bytes: Uint8Array): string {
  return nameOf(bytes);
}
