import type { FieldPath } from '@sidegate/crds';
import {
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseAllDocuments,
  visit,
} from 'yaml';
import { type FileFault, faultAt, type Located, type Origin } from './file-fault.ts';
import { reasonOf } from './source-folder.ts';

/** Aliases may make a document at most this many times as large. */
const ALIAS_MAX = 100;

type YamlDocument = ReturnType<typeof parseAllDocuments>[number];

/** The documents of one YAML or JSON file, each with the lines of its fields. Empty documents are left out. */
export function parseSource(
  file: string,
  text: string,
): { readonly documents: readonly Located<unknown>[]; readonly faults: readonly FileFault[] } {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const documents: Located<unknown>[] = [];
  const faults: FileFault[] = [];
  for (const document of Array.isArray(parsed) ? parsed : []) {
    const origin: Origin = { file, lineOf: (path) => lineAt(lines, offsetOf(document, path)) };
    const [mistake] = [...document.errors, ...document.warnings];
    const quote = mistake === undefined ? undefined : openQuote(document, mistake);
    if (quote !== undefined) {
      const at: Origin = { file, lineOf: () => lineAt(lines, quote) };
      faults.push(faultAt('BadYaml', at, [], 'The quotation mark that opens here is not closed.', 'Close it.'));
      continue;
    }
    if (mistake !== undefined) {
      const at: Origin = { file, lineOf: () => lineAt(lines, mistake.pos[0]) };
      faults.push(badYaml(at, mistake.code, mistake.message));
      continue;
    }
    try {
      const value: unknown = document.toJS({ maxAliasCount: ALIAS_MAX });
      if (value !== null && value !== undefined) documents.push({ value, origin });
    } catch (error) {
      faults.push(badYaml(origin, 'ALIAS', reasonOf(error)));
    }
  }
  return { documents, faults };
}

/** Where a quotation opens that never closes: the parser tells where it gave up, which is often the end of the file. */
function openQuote(document: YamlDocument, { code, pos: [end] }: YamlDocument['errors'][number]): number | undefined {
  if (code !== 'MISSING_CHAR') return undefined;
  let opens: number | undefined;
  visit(document, {
    Scalar(_key, { type, range }) {
      if (range?.[1] === end && (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE')) opens = range[0];
    },
  });
  return opens;
}

function badYaml(origin: Origin, code: string, message: string): FileFault {
  if (code === 'DUPLICATE_KEY') {
    return faultAt('BadYaml', origin, [], 'A field stands twice in one map.', 'Remove one of the two.');
  }
  const sentence = (message.split('\n')[0] ?? message).replace(/[.:]?$/, '.');
  return faultAt('BadYaml', origin, [], `This is not valid YAML: ${sentence}`, 'Correct the text; indent with spaces.');
}

function lineAt(lines: LineCounter, offset: number): number {
  return Math.max(1, lines.linePos(offset).line);
}

/** Where the field begins, or the last thing on the way to it that is there. */
function offsetOf(document: YamlDocument, path: FieldPath): number {
  let node: Node | null | undefined = document.contents;
  let offset = startOf(node) ?? 0;
  for (const step of path) {
    node = isAlias(node) ? node.resolve(document) : node;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return offset;
      offset = startOf(pair.key as Node) ?? offset;
      node = pair.value as Node | null;
    } else if (isSeq(node) && typeof step === 'number') {
      node = node.items[step] as ParsedNode | undefined;
      offset = startOf(node) ?? offset;
    } else return offset;
  }
  return offset;
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}
