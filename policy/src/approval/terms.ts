import type { ApprovalTerms } from '@sidegate/crds';
import { type FaultList, fieldOf, type ResourcePlace } from '../policy-fault.ts';

/** Seconds that an approver has when the rule does not say. */
export const APPROVAL_TIMEOUT_SECONDS_DEFAULT = 600;

/** An approval that nobody may give would be a denial in disguise. */
export function requireApprovers(
  action: 'Allow' | 'Deny' | 'RequireApproval',
  terms: ApprovalTerms | undefined,
  place: ResourcePlace,
  faults: FaultList,
): void {
  if (action !== 'RequireApproval') return;
  const approval = `${place.field}.approval`;
  const names = [...(terms?.approvers.groups ?? []), ...(terms?.approvers.subjects ?? [])];
  if (names.length === 0) {
    faults.add(
      fieldOf(place, approval),
      'MissingApproval',
      'RequireApproval does not say who may approve.',
      'Name them in approval.approvers.groups or approval.approvers.subjects, or deny.',
    );
    return;
  }
  const { count = 1, timeoutSeconds = 1, grant } = terms ?? {};
  if (!isCount(count) || !isCount(timeoutSeconds)) {
    faults.add(
      fieldOf(place, approval),
      'OutOfBounds',
      'count and timeoutSeconds are whole numbers from 1 on.',
      'Correct them.',
    );
  }
  if (grant?.scope === 'Window' && !isCount(grant.windowSeconds ?? 0)) {
    faults.add(fieldOf(place, `${approval}.grant`), 'OutOfBounds', 'A Window needs a length.', 'Set windowSeconds.');
  }
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
