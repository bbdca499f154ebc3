import { encodeEvent, type Opened, type SealedChunk, type SessionEvent, sealChunk } from '@sidegate/session';

/** Builds one session's record for tests, chunk by chunk. */
export class SampleSession {
  readonly sessionId: string;
  readonly gateId: string;
  atUs: number;
  #sequence = 0;
  #previous: Uint8Array | undefined;

  constructor(sessionId: string, options: { readonly gateId?: string; readonly atUs?: number } = {}) {
    this.sessionId = sessionId;
    this.gateId = options.gateId ?? 'gate-1';
    this.atUs = options.atUs ?? 1_000_000;
  }

  /** Seals the next chunk of the session. */
  chunk(...events: readonly SessionEvent[]): SealedChunk {
    const chunk = sealChunk({
      sessionId: this.sessionId,
      gateId: this.gateId,
      firstSequence: this.#sequence + 1,
      previousSha256: this.#previous,
      opens: events[0]?.kind === 'Opened',
      closes: events.at(-1)?.kind === 'Closed',
      events: events.map((event, at) => encodeEvent(this.#sequence + 1 + at, event)),
    });
    this.#sequence = chunk.lastSequence;
    this.#previous = chunk.sha256;
    return chunk;
  }

  /** A copy that goes its own way from here. */
  fork(): SampleSession {
    const copy = new SampleSession(this.sessionId, { gateId: this.gateId, atUs: this.atUs });
    copy.#sequence = this.#sequence;
    copy.#previous = this.#previous;
    return copy;
  }

  opened(change: Partial<Opened> = {}): Opened {
    return {
      kind: 'Opened',
      atUs: this.#tick(),
      sessionId: this.sessionId,
      gate: { id: this.gateId, version: '0.1.0' },
      protocol: 'Postgres',
      target: { namespace: 'data', name: 'orders-db', host: 'orders-db.data.svc', port: 5432 },
      access: { namespace: 'agents', name: 'support-bot' },
      verified: {
        source: 'Token',
        issuer: 'https://issuer.example',
        subject: 'anna',
        groups: ['support-agents'],
        groupsKnown: true,
        expiresAtMs: 2_000_000_000_000,
      },
      claimed: { agent: 'support-bot', run: 'run-1' },
      details: { database: 'orders' },
      policyVersion: 'v1',
      ...change,
    };
  }

  /** A command that was allowed, forwarded and answered. */
  command(commandId: number, text: string, change: { readonly binds?: readonly string[] } = {}): SessionEvent[] {
    return [
      this.judged(commandId, text, { binds: change.binds ?? [] }),
      { kind: 'CommandForwarded', atUs: this.#tick(), commandId },
      { kind: 'AnswerPart', atUs: this.#tick(), commandId, bytes: new TextEncoder().encode(`answer ${commandId}`) },
      {
        kind: 'CommandFinished',
        atUs: this.#tick(),
        commandId,
        outcome: 'Done',
        tag: 'SELECT 3',
        errorCode: '',
        errorText: '',
        rows: 3,
        answerBytes: 8,
        durationUs: 1500,
        maskedValues: 1,
      },
    ];
  }

  judged(
    commandId: number,
    text: string,
    change: Partial<Extract<SessionEvent, { readonly kind: 'CommandJudged' }>> = {},
  ): Extract<SessionEvent, { readonly kind: 'CommandJudged' }> {
    return {
      kind: 'CommandJudged',
      atUs: this.#tick(),
      commandId,
      text,
      sha256: new Uint8Array(32),
      binds: [],
      verbs: ['SELECT'],
      objects: ['read public.orders'],
      complete: true,
      decision: 'Allow',
      rule: 'data/guardrails/allow-reads',
      reason: '',
      policyVersion: 'v1',
      observed: [],
      claimed: {},
      ...change,
    };
  }

  remark(text: string): SessionEvent {
    return { kind: 'Remark', atUs: this.#tick(), code: 'Note', text };
  }

  closed(): SessionEvent {
    return { kind: 'Closed', atUs: this.#tick(), code: 'AgentLeft', reason: 'The agent closed the connection.' };
  }

  #tick(): number {
    this.atUs += 1000;
    return this.atUs;
  }
}
