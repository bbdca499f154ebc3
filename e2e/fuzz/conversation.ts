import * as fc from 'fast-check';
import type { Playback, TraceEntry } from '../../sidecar/src/protocols/playback.ts';

/** Ways to cut: not at all, byte by byte, and others. */
export const WHOLE: readonly number[] = [0];
export const EACH: readonly number[] = [1];
export const cuts: fc.Arbitrary<readonly number[]> = fc.array(fc.integer({ min: 0, max: 40 }), {
  minLength: 1,
  maxLength: 8,
});

/** How bytes are cut: the sizes of pieces, used in turn; 0 for the rest of the chunk. */
export interface Cuts {
  readonly cut: readonly number[];
  readonly cutServer: readonly number[];
}

/** An agent, the gate, and a model of a server. */
export class Conversation<Model extends { receive(bytes: Uint8Array): Uint8Array }> {
  readonly playback: Playback;
  readonly server: Model;
  readonly #cuts: Cuts;
  #taken = 0;

  constructor(playback: Playback, server: Model, ways: Cuts) {
    this.playback = playback;
    this.server = server;
    this.#cuts = ways;
  }

  /** One chunk of the agent, then what the server has to say to what came through. */
  agent(bytes: Uint8Array): void {
    for (const piece of cutUp(bytes, this.#cuts.cut)) this.playback.agent(piece);
    for (;;) {
      const sent = this.playback.sent('Target');
      if (sent.length === this.#taken) return;
      const answer = this.server.receive(sent.subarray(this.#taken));
      this.#taken = sent.length;
      this.target(answer);
    }
  }

  /** What either side says; the rule of sessions that was broken first. */
  afterNoise(noise: readonly (readonly [isAgent: boolean, bytes: Uint8Array])[]): string | undefined {
    for (const [isAgent, bytes] of noise) {
      if (isAgent) this.agent(bytes);
      else this.target(bytes);
    }
    return this.playback.violations[0];
  }

  /** One chunk of the server, whatever it was asked. */
  target(bytes: Uint8Array): void {
    for (const piece of cutUp(bytes, this.#cuts.cutServer)) this.playback.target(piece);
  }
}

/** Copies of the pieces, so that what a session keeps is never shared between them. */
function cutUp(bytes: Uint8Array, cut: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = cut[turn % cut.length] ?? 0;
    const end = size === 0 ? bytes.length : Math.min(bytes.length, at + size);
    pieces.push(bytes.slice(at, end));
    at = end;
  }
  return pieces;
}

/** What must be the same however the bytes came: what each side was sent, and what was judged and how it ended. */
export function outcomeOf(playback: Playback): string {
  const latin1 = (side: 'Agent' | 'Target'): string => Buffer.from(playback.sent(side)).toString('latin1');
  const notes = (kind: string): readonly string[] =>
    playback.trace
      .filter((entry: TraceEntry) => entry.kind === kind)
      .map(({ commandId, details }) => `${kind} ${commandId} ${details}`);
  return [latin1('Agent'), latin1('Target'), ...notes('Judge'), ...notes('Finished'), ...notes('Close')].join('\n');
}

/** Undefined: bytes that were cut so gave the same as whole ones. */
export function differenceOf(cut: readonly number[], inPieces: Playback, whole: Playback): string | undefined {
  const [gave, expected] = [outcomeOf(inPieces), outcomeOf(whole)];
  if (gave === expected) return undefined;
  return `cut ${JSON.stringify(cut)} gave ${JSON.stringify(gave)}, whole ${JSON.stringify(expected)}`;
}

/** What is wrong with a conversation, whole or cut so, or between the two. */
export function wrongWhenCut(
  cut: readonly number[],
  run: (cut: readonly number[]) => { readonly playback: Playback },
): string | undefined {
  const [whole, inPieces] = [run(WHOLE).playback, run(cut).playback];
  return differenceOf(cut, inPieces, whole) ?? whole.violations[0] ?? inPieces.violations[0];
}

/** Random bytes, and whether the agent says them. */
export const noises: fc.Arbitrary<readonly (readonly [isAgent: boolean, bytes: Uint8Array])[]> = fc.array(
  fc.tuple(fc.boolean(), fc.uint8Array({ maxLength: 40 })),
  { maxLength: 6 },
);

/** A place, a byte for it, and whether the byte there is taken away (0), changed (1) or pushed on (2). */
export type Damage = readonly [at: number, byte: number, way: number];

export const oneDamage: fc.Arbitrary<Damage> = fc.tuple(fc.nat(500), fc.nat(255), fc.constantFrom(0, 1, 2));

export function withDamage(bytes: Uint8Array, damages: readonly Damage[]): Uint8Array {
  const changed = Array.from(bytes);
  for (const [at, byte, way] of damages) {
    changed.splice(at % Math.max(1, changed.length), way === 2 ? 0 : 1, ...(way === 0 ? [] : [byte]));
  }
  return Uint8Array.from(changed);
}

/** What an agent sends, as one chunk in which some bytes are changed, taken away or put in. */
export function damaged(chunks: fc.Arbitrary<readonly Uint8Array[]>): fc.Arbitrary<readonly Uint8Array[]> {
  return fc
    .tuple(chunks, fc.array(oneDamage, { maxLength: 3 }))
    .map(([whole, damages]) => [withDamage(Buffer.concat(whole), damages)]);
}
