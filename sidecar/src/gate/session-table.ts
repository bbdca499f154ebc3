import type { RuleSet } from '@sidegate/policy';
import type { CloseCode, Refusal } from '../protocols/protocol.ts';
import type { DoorNames } from './door-names.ts';
import type { GatedSession } from './gated-session.ts';

/** All open sessions of the gate: found for cancels, judged again when the rules change, ended when their token does. */
export class SessionTable {
  readonly #doors = new Map<GatedSession, DoorNames>();
  readonly #cancelKeys = new Map<string, GatedSession>();
  readonly #keys = new Map<GatedSession, string>();

  add(session: GatedSession, door: DoorNames): void {
    this.#doors.set(session, door);
  }

  remove(session: GatedSession): void {
    this.#doors.delete(session);
    const key = this.#keys.get(session);
    this.#keys.delete(session);
    if (key !== undefined) this.#cancelKeys.delete(key);
  }

  get size(): number {
    return this.#doors.size;
  }

  claimCancelKey(session: GatedSession, key: string): void {
    this.#keys.set(session, key);
    this.#cancelKeys.set(key, session);
  }

  byCancelKey(key: string): GatedSession | undefined {
    return this.#cancelKeys.get(key);
  }

  /** Every open session is judged again: one that may no longer be open ends, every other goes on under the new rules. */
  rebind(rules: RuleSet): void {
    for (const [session, door] of this.#doors) {
      const { admission } = session;
      if (admission === undefined) continue;
      const renewed = rules.openSession({ ...door, identity: admission.identity });
      if (renewed.ok) session.rulesChanged(renewed.value);
      else
        session.terminate(
          {
            kind: 'Terminated',
            rule: renewed.fault.code,
            reason: renewed.fault.message,
            hint: renewed.fault.mend ?? '',
          },
          'Killed',
        );
    }
  }

  /** Ends the sessions that `which` picks; gives their ids, as far as they had come to one. */
  terminate(
    which: (session: GatedSession, door: DoorNames) => boolean,
    refusal: Refusal,
    code: CloseCode,
  ): readonly string[] {
    const picked = [...this.#doors].filter(([session, door]) => which(session, door));
    for (const [session] of picked) session.terminate(refusal, code);
    return picked.map(([{ sessionId }]) => sessionId ?? '');
  }

  /** Called about once a second. */
  tick(nowMs: number): void {
    for (const session of this.#doors.keys()) {
      if ((session.admission?.identity.verified.expiresAtMs ?? Number.POSITIVE_INFINITY) <= nowMs) session.expire();
      else session.tick(nowMs);
    }
  }
}
