import { fail, ok, type Result } from '@sidegate/crds';
import { type ApiFault, tooLarge, unreachable } from './api-fault.ts';

/** Undefined for what is no JSON; no JSON document is undefined. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The JSON documents of a text that comes in parts, one a line. A line of more than `lineCharactersMax` is `TooLarge`, a last line without
 * its end is `Unreachable`: both end it.
 */
export async function* readJsonLines(
  parts: AsyncIterable<string>,
  lineCharactersMax: number,
): AsyncGenerator<Result<unknown, ApiFault>> {
  let begun: string[] = [];
  let characters = 0;
  try {
    for await (const part of parts) {
      const lines = part.split('\n');
      for (const [index, piece] of lines.entries()) {
        begun.push(piece);
        characters += piece.length;
        if (characters > lineCharactersMax) {
          yield fail(tooLarge('An event of the watch'));
          return;
        }
        if (index === lines.length - 1) break;
        const line = begun.join('');
        begun = [];
        characters = 0;
        if (line.trim() === '') continue;
        const value = parseJson(line);
        yield value === undefined ? fail(unreachable('an event of the watch is no JSON')) : ok(value);
      }
    }
    if (characters > 0) yield fail(unreachable('the watch broke off inside an event'));
  } catch (error) {
    yield fail(unreachable(`the watch broke off: ${error instanceof Error ? error.message : 'unknown reason'}`));
  }
}
