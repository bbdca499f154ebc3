import { isAlphanumeric, isBase64, isBase64Url, isDigit, isGroupSpace, isLetter } from './characters.ts';
import type { Span } from './find.ts';

interface KeyForm {
  readonly prefix: string;
  readonly isBody: (code: number) => boolean;
  /** How many characters follow the prefix. */
  readonly bodyMin: number;
  readonly bodyMax: number;
  /** It names a key whose secret stands elsewhere. */
  readonly isAccessKey?: true;
}

const isUpperOrDigit = (code: number): boolean => isDigit(code) || (code >= 65 && code <= 90);
const isWord = (code: number): boolean => isAlphanumeric(code) || code === 95;
const isDashed = (code: number): boolean => isAlphanumeric(code) || code === 45;

/** Keys that a fixed beginning tells, as their issuers document them. */
const FORMS: readonly KeyForm[] = [
  ...['AKIA', 'ASIA'].map((prefix) => ({
    prefix,
    isBody: isUpperOrDigit,
    bodyMin: 16,
    bodyMax: 16,
    isAccessKey: true as const,
  })),
  { prefix: 'AIza', isBody: isBase64Url, bodyMin: 35, bodyMax: 35 },
  ...['ghp_', 'gho_', 'ghu_', 'ghs_', 'ghr_'].map((prefix) => ({
    prefix,
    isBody: isAlphanumeric,
    bodyMin: 36,
    bodyMax: 255,
  })),
  { prefix: 'github_pat_', isBody: isWord, bodyMin: 60, bodyMax: 255 },
  ...['xoxa-', 'xoxb-', 'xoxe-', 'xoxp-', 'xoxr-', 'xoxs-', 'xapp-'].map((prefix) => ({
    prefix,
    isBody: isDashed,
    bodyMin: 10,
    bodyMax: 255,
  })),
  { prefix: 'sk_live_', isBody: isAlphanumeric, bodyMin: 16, bodyMax: 255 },
  { prefix: 'rk_live_', isBody: isAlphanumeric, bodyMin: 16, bodyMax: 255 },
];
const FORMS_BY_FIRST = Map.groupBy(FORMS, (form) => form.prefix.charCodeAt(0));

const SECRET_LENGTH = 40;
/** How far from an access key id, or behind its own name, a secret is looked for, in characters. */
const SECRET_WITHIN = 256;
const NAMED_WITHIN = 40;
const ACCOUNT_KEY_MIN = 40;

/** Access keys of cloud services: AWS key ids and the secret near them, GCP, GitHub, Slack, Stripe, and the key in an Azure connection string. */
export function findCloudKeys(text: string): readonly Span[] {
  const prefixed = findPrefixed(text);
  const ids = prefixed.filter((find) => find.isAccessKey);
  const finds = [...prefixed, ...findAccountKeys(text), ...findAccessSecrets(text, ids)]
    .map(({ start, end }) => ({ start, end }))
    .toSorted((a, b) => a.start - b.start);
  let floor = 0;
  return finds.filter((find) => {
    const isFree = find.start >= floor;
    if (isFree) floor = find.end;
    return isFree;
  });
}

function findPrefixed(text: string): readonly (Span & { readonly isAccessKey: boolean })[] {
  const finds: (Span & { readonly isAccessKey: boolean })[] = [];
  let start = 0;
  while (start < text.length) {
    const forms = FORMS_BY_FIRST.get(text.charCodeAt(start));
    const form = forms?.find(({ prefix }) => text.startsWith(prefix, start));
    if (form === undefined || isAlphanumeric(text.charCodeAt(start - 1))) {
      start += 1;
      continue;
    }
    const body = start + form.prefix.length;
    let end = body;
    while (end - body <= form.bodyMax && form.isBody(text.charCodeAt(end))) end += 1;
    const isWhole = end - body >= form.bodyMin && end - body <= form.bodyMax;
    if (isWhole) finds.push({ start, end, isAccessKey: form.isAccessKey === true });
    start = isWhole ? end : body;
  }
  return finds;
}

/** 40 characters of base64 with small and capital letters and digits, near a key id or behind a name that says secret. */
function findAccessSecrets(text: string, ids: readonly Span[]): readonly Span[] {
  if (ids.length === 0 && !text.includes('ecret') && !text.includes('ECRET')) return [];
  const finds: Span[] = [];
  let nextId = 0;
  let place = 0;
  while (place < text.length) {
    if (!isBase64(text.charCodeAt(place))) {
      place += 1;
      continue;
    }
    const start = place;
    while (isBase64(text.charCodeAt(place))) place += 1;
    if (place - start !== SECRET_LENGTH || !isMixed(text.slice(start, place))) continue;
    while ((ids[nextId]?.end ?? Number.POSITIVE_INFINITY) < start - SECRET_WITHIN) nextId += 1;
    const near = (ids[nextId]?.start ?? Number.POSITIVE_INFINITY) <= place + SECRET_WITHIN;
    if (near || isNamedSecret(text, start)) finds.push({ start, end: place });
  }
  return finds;
}

function isNamedSecret(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - NAMED_WITHIN), start).toLowerCase();
  return (
    before.includes('secret_access_key') || before.includes('secretaccesskey') || before.includes('secret access key')
  );
}

function isMixed(text: string): boolean {
  let digits = 0;
  let capitals = 0;
  let letters = 0;
  for (let place = 0; place < text.length; place += 1) {
    const code = text.charCodeAt(place);
    if (isDigit(code)) digits += 1;
    else if (isLetter(code)) letters += 1;
    if (code >= 65 && code <= 90) capitals += 1;
  }
  return digits > 0 && capitals > 0 && letters > capitals;
}

/** `AccountKey=` or `SharedAccessKey=` and base64; the key alone is the find, the name stays readable. */
function findAccountKeys(text: string): readonly Span[] {
  const finds: Span[] = [];
  for (let at = text.indexOf('Key'); at >= 0; at = text.indexOf('Key', at + 3)) {
    const name = text.slice(Math.max(0, at - 12), at);
    if (!name.endsWith('Account') && !name.endsWith('SharedAccess')) continue;
    let start = at + 3;
    while (start - at < 8 && isGroupSpace(text.charCodeAt(start))) start += 1;
    if (text.charCodeAt(start) !== 61) continue;
    start += 1;
    let end = start;
    while (isBase64(text.charCodeAt(end))) end += 1;
    if (end - start < ACCOUNT_KEY_MIN) continue;
    while (text.charCodeAt(end) === 61) end += 1;
    finds.push({ start, end });
  }
  return finds;
}
