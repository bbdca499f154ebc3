import type { Configuration } from '@sidegate/crds';

/** How an identity was proved. */
export type IdentitySource = 'Token' | 'Workload';

/**
 * Which token subjects the Kubernetes users are, as the operator's configuration says. The identity of a pod is a Kubernetes user itself, so
 * beside one of those every user's identity is its name.
 */
export class ApproverNames {
  readonly #prefix: string | undefined;
  readonly #subjects: ReadonlyMap<string, string>;

  constructor({ userPrefix, users = [] }: NonNullable<Configuration['approvers']> = {}) {
    this.#prefix = userPrefix;
    this.#subjects = new Map(users.map(({ user, subject }) => [user, subject]));
  }

  /** The subject that a user is; undefined: nobody knows. */
  subjectOf(user: string, source: IdentitySource): string | undefined {
    if (source === 'Workload') return user;
    const named = this.#subjects.get(user);
    if (named !== undefined || this.#prefix === undefined || !user.startsWith(this.#prefix)) return named;
    return user.slice(this.#prefix.length);
  }

  /** Every user that is known to be the subject, and the user who has its very name. */
  usersOf(subject: string, source: IdentitySource): readonly string[] {
    if (source === 'Workload') return [subject];
    const mapped = [...this.#subjects].flatMap(([user, other]) => (other === subject ? [user] : []));
    const prefixed = this.#prefix === undefined ? undefined : `${this.#prefix}${subject}`;
    const byPrefix = prefixed !== undefined && this.subjectOf(prefixed, source) === subject ? [prefixed] : [];
    return [...new Set([subject, ...mapped, ...byPrefix])];
  }
}
