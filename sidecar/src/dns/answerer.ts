import {
  CLASS_IN,
  type Query,
  readQuery,
  SERVER_FAILURE,
  TYPE_A,
  TYPE_ANY,
  writeAnswer,
  writeFailure,
} from './message.ts';

/** Passes a question on and gives back the reply, or undefined when nobody answered. Never rejects. */
export type PassOn = (query: Query) => Promise<Buffer | undefined>;

/** Questions that may wait for an upstream server at once; beyond it clients are told to try again. */
export const IN_FLIGHT_MAX = 512;

/** Names of Targets and where they lead: to a loopback address, or nowhere (undefined) when its door could not be opened. */
export type SteeredNames = ReadonlyMap<string, string | undefined>;

/** What a question is answered with: the names of this pod's Targets here, every other by who knows it. */
export class Answerer {
  #names: SteeredNames | undefined;
  #inFlight = 0;

  /** From now on these names lead to the gate, and no others. Until it is called first nothing is answered but failure. */
  steer(names: SteeredNames): void {
    this.#names = names;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** The bytes to answer with; undefined: nothing. Never rejects. */
  async answer(bytes: Buffer, passOn: PassOn): Promise<Buffer | undefined> {
    const reading = readQuery(bytes);
    if (reading.kind !== 'Query') return reading.kind === 'Refused' ? reading.answer : undefined;
    const { query } = reading;
    const names = this.#names;
    if (names === undefined || this.#inFlight >= IN_FLIGHT_MAX) return writeFailure(query, SERVER_FAILURE);
    if (query.class === CLASS_IN && names.has(query.name)) {
      // Nothing but an address of ours: another record could lead round the gate.
      const asksAddress = query.type === TYPE_A || query.type === TYPE_ANY;
      return writeAnswer(query, asksAddress ? names.get(query.name) : undefined);
    }
    this.#inFlight += 1;
    try {
      return (await passOn(query)) ?? writeFailure(query, SERVER_FAILURE);
    } finally {
      this.#inFlight -= 1;
    }
  }
}
