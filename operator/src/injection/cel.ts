/**
 * JSON as CEL (github.com/google/cel-spec, language definition, "Values"). A text may hold expressions, so that one description serves both as
 * data and as the text of an admission policy.
 */

const OPEN = '\u0001';
const CLOSE = '\u0002';
const WHEN = '\u0003';

/** A text that {@link celOf} renders as the expression (which must give a string), alone or within a longer text. */
export function celHole(expression: string): string {
  return `${OPEN}${expression}${CLOSE}`;
}

/** A text that, as an item of a list, {@link celOf} renders so that it is there only when the expression is true. */
export function celWhen(condition: string, text: string): string {
  return `${WHEN}${condition}${WHEN}${text}`;
}

/** A literal. What maps and lists hold is `dyn`, so that it may be of several types. A long one takes several lines. */
export function celOf(value: unknown, indent = ''): string {
  if (typeof value === 'string') return celText(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value !== 'object' || value === null) throw new TypeError('CEL here knows no null');
  const inner = `${indent}  `;
  if (Array.isArray(value))
    return enclosed(
      '[',
      value.map((item) => itemOf(item, inner)),
      ']',
      indent,
    );
  const entries = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}: ${dyn(item, inner)}`);
  return enclosed('{', entries, '}', indent);
}

function itemOf(item: unknown, indent: string): string {
  const [nothing, condition, text] = typeof item === 'string' ? item.split(WHEN) : [];
  if (nothing !== '' || text === undefined) return dyn(item, indent);
  return `?(${condition} ? optional.of(${dyn(text, indent)}) : optional.none())`;
}

function dyn(value: unknown, indent: string): string {
  return `dyn(${celOf(value, indent)})`;
}

const LINE_MAX = 100;

function enclosed(open: string, items: readonly string[], close: string, indent: string): string {
  const line = `${open}${items.join(', ')}${close}`;
  if (line.length <= LINE_MAX && !line.includes('\n')) return line;
  return `${open}\n${items.map((item) => `${indent}  ${item}`).join(',\n')}\n${indent}${close}`;
}

function celText(text: string): string {
  const parts = text
    .split(OPEN)
    .flatMap((part, index) => {
      if (index === 0) return [JSON.stringify(part)];
      const [expression = '', rest = ''] = part.split(CLOSE);
      return [expression, JSON.stringify(rest)];
    })
    .filter((part) => part !== '""');
  return parts.length === 0 ? '""' : parts.join(' + ');
}
