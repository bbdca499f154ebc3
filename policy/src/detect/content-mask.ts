import type { DetectorName } from '@sidegate/crds';
import { MASKED, maskText, strongerMask } from '../mask/text.ts';
import type { Mask } from '../masking.ts';
import { findCloudKeys } from './cloud-key.ts';
import { findCreditCards } from './credit-card.ts';
import { findEmails } from './email.ts';
import type { Detector, Find } from './find.ts';
import { findIbans } from './iban.ts';
import { findJwts } from './jwt.ts';
import { findPhones } from './phone.ts';
import { findPrivateKeys } from './private-key.ts';
import { digitsOf, SURVEY, type Survey, surveyBytes, surveyText } from './survey.ts';
import { findUsSsns } from './us-ssn.ts';

const DETECTORS: Readonly<Record<DetectorName, Detector>> = {
  CreditCard: findCreditCards,
  Email: findEmails,
  UsSsn: findUsSsns,
  Iban: findIbans,
  Phone: findPhones,
  Jwt: findJwts,
  CloudKey: findCloudKeys,
  PrivateKey: findPrivateKeys,
};

/** What a text must have for its detector to look at all: a length, digits, a bit of the survey. */
const NEEDS: Readonly<
  Record<DetectorName, { readonly length: number; readonly digits: number; readonly bit: number }>
> = {
  CreditCard: { length: 13, digits: 13, bit: 0 },
  Email: { length: 6, digits: 0, bit: SURVEY.at },
  UsSsn: { length: 9, digits: 9, bit: 0 },
  Iban: { length: 15, digits: 2, bit: 0 },
  Phone: { length: 9, digits: 8, bit: 0 },
  Jwt: { length: 12, digits: 0, bit: SURVEY.token },
  CloudKey: { length: 15, digits: 0, bit: SURVEY.key },
  PrivateKey: { length: 20, digits: 0, bit: SURVEY.hyphens },
};
const TEXT_MIN = 6;
/** A masked text is masked again until nothing changes; one that still does after so many times is masked whole. */
const PASSES_MAX = 4;

/** The detectors' names, in the order of the API. */
export const DETECTOR_NAMES: readonly DetectorName[] = [
  'CreditCard',
  'Email',
  'UsSsn',
  'Iban',
  'Phone',
  'Jwt',
  'CloudKey',
  'PrivateKey',
];

/** All that `detectors` find in `text`, ordered by start; finds of different detectors may overlap. Linear in the text; never throws. */
export function findContent(text: string, detectors: readonly DetectorName[] = DETECTOR_NAMES): readonly Find[] {
  if (text.length < TEXT_MIN) return [];
  // Keys are found quicker than the survey is made.
  const survey = detectors.length === 1 && detectors[0] === 'PrivateKey' ? undefined : surveyText(text);
  const finds: Find[] = [];
  for (const detector of detectors) {
    if (survey !== undefined && !mustLook(detector, text.length, survey)) continue;
    for (const span of DETECTORS[detector](text)) finds.push({ detector, ...span });
  }
  return finds.length < 2 ? finds : finds.toSorted((a, b) => a.start - b.start || b.end - a.end);
}

/**
 * True only when none of `detectors` finds anything in the text that the bytes from `start` to `end` are; false says nothing. Linear; makes no
 * text and no view.
 */
export function findsNothing(
  bytes: Uint8Array,
  detectors: readonly DetectorName[],
  start = 0,
  end = bytes.length,
): boolean {
  const length = end - start;
  if (length < TEXT_MIN) return true;
  const survey = surveyBytes(bytes, start, end);
  if (survey === undefined) return false;
  for (const detector of detectors) if (mustLook(detector, length, survey)) return false;
  return true;
}

function mustLook(detector: DetectorName, textLength: number, survey: Survey): boolean {
  const { length, digits, bit } = NEEDS[detector];
  return textLength >= length && digitsOf(survey) >= digits && (survey & bit) === bit;
}

/**
 * A function that masks every find of `detect` in a text. It returns the same string object when nothing is found. Where finds overlap the strongest
 * of their masks covers all of them. Null inside a text reads `[masked]`, for a text is never null. Masking a masked text changes nothing.
 */
export function buildContentMask(
  detect: readonly { readonly detector: DetectorName; readonly mask: Mask }[],
  key: Uint8Array,
): (text: string) => string {
  const masks = new Map<DetectorName, Mask>();
  for (const { detector, mask } of detect) {
    const present = masks.get(detector);
    masks.set(detector, present === undefined ? mask : strongerMask(present, mask));
  }
  const detectors = DETECTOR_NAMES.filter((name) => masks.has(name));
  if (detectors.length === 0) return (text) => text;
  return (text) => {
    let masked = text;
    for (let pass = 0; pass <= PASSES_MAX; pass += 1) {
      const finds = findContent(masked, detectors);
      const next = finds.length === 0 ? masked : maskFinds(masked, finds, masks, key);
      if (next === masked) return masked;
      masked = next;
    }
    return MASKED;
  };
}

function maskFinds(
  text: string,
  finds: readonly Find[],
  masks: ReadonlyMap<DetectorName, Mask>,
  key: Uint8Array,
): string {
  let out = '';
  let done = 0;
  let index = 0;
  while (index < finds.length) {
    const first = finds[index];
    if (first === undefined) break;
    let { end } = first;
    let mask = masks.get(first.detector);
    for (index += 1; index < finds.length; index += 1) {
      const next = finds[index];
      if (next === undefined || next.start >= end) break;
      end = Math.max(end, next.end);
      const other = masks.get(next.detector);
      mask = mask === undefined || other === undefined ? (mask ?? other) : strongerMask(mask, other);
    }
    const found = text.slice(first.start, end);
    out += text.slice(done, first.start);
    out += (mask === undefined ? undefined : maskText(mask.with, found, key)) ?? MASKED;
    done = end;
  }
  return out + text.slice(done);
}
