import type { HeldApproval } from '@sidegate/crds';

/** One command that waits. */
export const WAITING: HeldApproval = {
  id: 'k7m2p',
  state: 'Pending',
  session: 'a-session',
  target: { namespace: 'data', name: 'orders' },
  access: { namespace: 'agents', name: 'bot' },
  verified: { issuer: 'corporate', subject: 'bot' },
  claimed: { agent: 'helper' },
  text: 'delete from orders',
  binds: [],
  sha256: 'ab'.repeat(32),
  rule: 'data/guard/unbounded-write',
  reason: 'All rows would go.',
  approvers: { groups: ['dba'], subjects: [] },
  needed: 1,
  votes: [],
  grant: { scope: 'Command' },
  createdAtMs: 0,
  expiresAtMs: 600_000,
};
