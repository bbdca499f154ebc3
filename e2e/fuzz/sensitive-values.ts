import type { DetectorName } from '@sidegate/crds';
import * as fc from 'fast-check';

/** A value that its detector must find wherever it stands alone, and the same with one thing wrong. */
export interface SensitiveValue {
  readonly detector: DetectorName;
  readonly value: string;
  /** What must not be found, when that can be made surely. */
  readonly broken: string | undefined;
}

const digits = (min: number, max = min): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...'0123456789'.split('')), minLength: min, maxLength: max });
const words = (alphabet: string, min: number, max = min): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...alphabet.split('')), minLength: min, maxLength: max });
const SMALL = 'abcdefghijklmnopqrstuvwxyz';
const CAPITALS = SMALL.toUpperCase();
const ALPHANUMERIC = `${SMALL}${CAPITALS}0123456789`;

function luhnDigit(body: string): number {
  const sum = Array.from(body)
    .toReversed()
    .reduce((total, digit, place) => {
      const weighed = Number(digit) * (place % 2 === 0 ? 2 : 1);
      return total + (weighed > 9 ? weighed - 9 : weighed);
    }, 0);
  return (10 - (sum % 10)) % 10;
}

function group(value: string, sizes: readonly number[], separator: string): string {
  const groups: string[] = [];
  let place = 0;
  for (const size of sizes) {
    groups.push(value.slice(place, place + size));
    place += size;
  }
  return [...groups, value.slice(place)].filter((part) => part !== '').join(separator);
}

const card = fc
  .tuple(
    fc.constantFrom<[prefix: string, length: number, sizes: number[]]>(
      ['4', 16, [4, 4, 4]],
      ['4', 13, []],
      ['4', 19, [4, 4, 4, 4]],
      ['51', 16, [4, 4, 4]],
      ['2720', 16, [4, 4, 4]],
      ['34', 15, [4, 6]],
      ['37', 15, [4, 6]],
      ['6011', 16, [4, 4, 4]],
      ['36', 14, [4, 6]],
      ['3530', 16, [4, 4, 4]],
      ['62', 19, [6]],
      ['62', 16, [4, 4, 4]],
    ),
    digits(19),
    fc.constantFrom('', ' ', '-', '\u00a0'),
  )
  .map(([[prefix, length, sizes], filler, separator]): SensitiveValue => {
    const body = (prefix + filler).slice(0, length - 1);
    const check = luhnDigit(body);
    const shown = (last: number): string => group(`${body}${last}`, sizes, sizes.length === 0 ? '' : separator);
    return { detector: 'CreditCard', value: shown(check), broken: shown((check + 1) % 10) };
  });

const ssn = fc
  .tuple(
    fc.integer({ min: 1, max: 899 }),
    fc.integer({ min: 1, max: 99 }),
    fc.integer({ min: 1, max: 9999 }),
    fc.constantFrom('-', ' '),
  )
  .filter(([area]) => area !== 666)
  .map(([area, block, serial, separator]): SensitiveValue => {
    const tail = `${separator}${String(block).padStart(2, '0')}${separator}${String(serial).padStart(4, '0')}`;
    return {
      detector: 'UsSsn',
      value: `${String(area).padStart(3, '0')}${tail}`,
      broken: `9${String(area % 100).padStart(2, '0')}${tail}`,
    };
  });

const iban = fc
  .tuple(
    fc.constantFrom<[country: string, length: number]>(
      ['DE', 22],
      ['NO', 15],
      ['BE', 16],
      ['CH', 21],
      ['ES', 24],
      ['PL', 28],
    ),
    digits(24),
    fc.boolean(),
  )
  .map(([[country, length], filler, isGrouped]): SensitiveValue => {
    const body = filler.slice(0, length - 4);
    const asNumber = `${body}${Array.from(country, (letter) => letter.charCodeAt(0) - 55).join('')}00`;
    const check = 98n - (BigInt(asNumber) % 97n);
    const shown = (digitsOfCheck: bigint): string => {
      const whole = `${country}${String(digitsOfCheck).padStart(2, '0')}${body}`;
      return isGrouped ? (whole.match(/.{1,4}/g) ?? []).join(' ') : whole;
    };
    return { detector: 'Iban', value: shown(check), broken: shown(check === 98n ? 97n : check + 1n) };
  });

const phone = fc.oneof(
  fc
    .tuple(
      fc.integer({ min: 212, max: 988 }),
      fc.integer({ min: 212, max: 998 }),
      digits(4),
      fc.constantFrom('-', '.', ' '),
      fc.boolean(),
    )
    .filter(([area, exchange]) => area % 100 !== 11 && exchange % 100 !== 11)
    .map(([area, exchange, line, separator, isLong]): SensitiveValue => {
      const national = `${area}${separator}${exchange}${separator}${line}`;
      return { detector: 'Phone', value: isLong ? `+1${separator}${national}` : national, broken: undefined };
    }),
  fc.tuple(fc.constantFrom('44', '49', '33', '91', '353', '86'), digits(8, 10)).map(
    ([country, national]): SensitiveValue => ({
      detector: 'Phone',
      value: `+${country}${national}`,
      broken: undefined,
    }),
  ),
);

const email = fc
  .tuple(
    words(`${SMALL}0123456789._+-`, 1, 20),
    words(SMALL, 1, 10),
    words(`${SMALL}0123456789`, 1, 10),
    fc.constantFrom('com', 'io', 'co.uk', 'museum'),
  )
  .map(
    ([local, first, domain, top]): SensitiveValue => ({
      detector: 'Email',
      value: `${first}${local}x@${domain}.${top}`,
      broken: `${first}x@${domain}`,
    }),
  );

const jwt = fc
  .tuple(
    fc.constantFrom('HS256', 'ES256', 'none'),
    fc.dictionary(words(SMALL, 1, 5), fc.string()),
    words(`${ALPHANUMERIC}-_`, 0, 60),
  )
  .map(([algorithm, claims, signature]): SensitiveValue => {
    const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
    return {
      detector: 'Jwt',
      value: `${encode({ typ: 'JWT', alg: algorithm })}.${encode(claims)}.${signature}`,
      broken: `${encode({ typ: 'JWT' })}.${encode(claims)}.${signature}`,
    };
  });

const cloudKey = fc.oneof(
  words(`${CAPITALS}234567`, 16).map(
    (body): SensitiveValue => ({ detector: 'CloudKey', value: `AKIA${body}`, broken: `AKIA${body.slice(1)}` }),
  ),
  words(`${ALPHANUMERIC}-_`, 34).map(
    (body): SensitiveValue => ({ detector: 'CloudKey', value: `AIza${body}x`, broken: `AIza${body}` }),
  ),
  words(ALPHANUMERIC, 36).map(
    (body): SensitiveValue => ({ detector: 'CloudKey', value: `ghp_${body}`, broken: `ghp_${body.slice(1)}` }),
  ),
);

const privateKey = fc
  .tuple(fc.constantFrom('', 'RSA ', 'EC ', 'OPENSSH '), words(`${ALPHANUMERIC}+/\n`, 0, 200))
  .map(([kind, body]): SensitiveValue => {
    const block = (label: string): string => `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----`;
    return { detector: 'PrivateKey', value: block(`${kind}PRIVATE KEY`), broken: block(`${kind}PUBLIC KEY`) };
  });

/** Values of every kind, well made. */
export const sensitiveValues: fc.Arbitrary<SensitiveValue> = fc.oneof(
  card,
  ssn,
  iban,
  phone,
  email,
  jwt,
  cloudKey,
  privateKey,
);

/** Texts in which much could be taken for something. */
export const busyTexts: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 100 }),
  fc
    .array(
      fc.oneof(
        sensitiveValues.map((planted) => planted.value),
        sensitiveValues.map((planted) => planted.value.slice(0, 12)),
        fc.constantFrom(
          ' ',
          '-',
          '.',
          '@',
          '*',
          '"',
          "'",
          '\\',
          '+',
          '(',
          ')',
          '00',
          'eyJ',
          'Key=',
          'ssn ',
          'tel ',
          '-----BEGIN ',
          '-----END ',
        ),
        fc.string({ maxLength: 5 }),
      ),
      { maxLength: 10 },
    )
    .map((parts) => parts.join('')),
);
