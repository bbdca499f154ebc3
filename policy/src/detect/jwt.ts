import { isBase64Url } from './characters.ts';
import type { Span } from './find.ts';

/** How base64url text of a JSON object begins: `{"`, `{ `, `{` and a line end or a tab. */
const BEGINNINGS: readonly string[] = ['eyJ', 'eyA', 'ewo', 'ew0', 'ewk'];

/**
 * JSON web tokens in compact form: three base64url parts (RFC 7515 section 7.1; the last is empty in an unsecured token, RFC 7519 section 6),
 * or five when encrypted (RFC 7516 section 7.1), whose header is a JSON object with `alg`.
 */
export function findJwts(text: string): readonly Span[] {
  const finds: Span[] = [];
  let floor = 0;
  for (let at = text.indexOf('e'); at >= 0; at = text.indexOf('e', at + 1)) {
    if (at < floor || isBase64Url(text.charCodeAt(at - 1)) || !BEGINNINGS.includes(text.slice(at, at + 3))) continue;
    const end = jwtEnd(text, at);
    if (end === undefined) continue;
    finds.push({ start: at, end });
    floor = end;
  }
  return finds;
}

function jwtEnd(text: string, start: number): number | undefined {
  const headerEnd = partEnd(text, start);
  if (text.charCodeAt(headerEnd) !== 46) return undefined;
  const header = readHeader(text.slice(start, headerEnd));
  if (header === undefined) return undefined;
  let end = headerEnd;
  for (let part = 1; part < (header.encrypted ? 5 : 3); part += 1) {
    if (text.charCodeAt(end) !== 46) return undefined;
    end = partEnd(text, end + 1);
  }
  return end;
}

function partEnd(text: string, start: number): number {
  let end = start;
  while (isBase64Url(text.charCodeAt(end))) end += 1;
  return end;
}

function readHeader(part: string): { readonly encrypted: boolean } | undefined {
  try {
    const header: unknown = JSON.parse(Buffer.from(part, 'base64url').toString('utf8'));
    if (typeof header !== 'object' || header === null || !('alg' in header)) return undefined;
    return { encrypted: 'enc' in header };
  } catch {
    return undefined;
  }
}
