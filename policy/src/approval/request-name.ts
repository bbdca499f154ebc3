import { hash } from 'node:crypto';

/** The name of the ApprovalRequest of a held command: gate and operator come to the same, and no other pod's gate does. */
export function approvalRequestName(podUid: string, holdId: string): string {
  return `${holdId}-${hash('sha256', `${podUid}/${holdId}`, 'hex').slice(0, 10)}`;
}
