import type { AgentAccess, Policy, Target } from './generated/types.ts';

export type * from './generated/types.ts';
export { API_VERSION, type ObjectMeta } from './object-meta.ts';

/** A resource that a user writes. */
export type Resource = Target | AgentAccess | Policy;
