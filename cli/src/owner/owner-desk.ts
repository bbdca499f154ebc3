import type { GateAnswer, GateQuestion, Snapshot } from '@sidegate/crds';
import type { OwnerRequest } from './owner-request.ts';

export interface OwnerDeskOptions {
  /** The name of the system's user who runs this, and who alone reaches the socket. */
  readonly user: string;
  /** What the Configuration in force says of that user. */
  readonly owner: () => Snapshot['owner'];
  /** Undefined while no gate runs. */
  readonly ask: (question: GateQuestion) => Promise<GateAnswer | undefined>;
}

/** Passes the owner's requests on to the gate, with the owner's name on them. */
export class OwnerDesk {
  readonly #options: OwnerDeskOptions;

  constructor(options: OwnerDeskOptions) {
    this.#options = options;
  }

  async answer(request: OwnerRequest): Promise<GateAnswer> {
    const answer = await this.#options.ask(this.#signed(request));
    if (answer === undefined) {
      const mend = 'Try again in a moment; what waited in it is gone with its sessions.';
      return { kind: 'Fault', code: 'GateAway', message: 'The gate is being started again.', mend };
    }
    return this.#explained(answer);
  }

  #signed(request: OwnerRequest): GateQuestion {
    const { user } = this.#options;
    const { subject = user, groups = [] } = this.#options.owner() ?? {};
    switch (request.kind) {
      case 'Decide':
        return { ...request, by: { user, subject, groups } };
      case 'Kill':
        return { ...request, by: user };
      default:
        return request;
    }
  }

  /** On one machine it is the Configuration that says which groups the owner is in. */
  #explained(answer: GateAnswer): GateAnswer {
    if (answer.kind !== 'Fault' || answer.code !== 'NotApprover') return answer;
    const { groups = [] } = this.#options.owner() ?? {};
    const now = groups.length === 0 ? 'it names no groups now' : `it names ${groups.join(', ')}`;
    const mend = `${answer.mend ?? ''} If that is you, say so in the Configuration under owner.groups (${now}).`.trim();
    return { ...answer, mend };
  }
}
