import { POD_UID_LABEL } from '@sidegate/crds';
import { type Fields, type Ground, VICTIM } from './ground.ts';

const REQUESTS = '/apis/sidegate.dev/v1alpha1/namespaces/data/approvalrequests';

/** What waits for people, and changes nothing. */
export const HELD = 'DELETE FROM orders WHERE id = -1';

export interface HeldCommand {
  readonly path: string;
  readonly request: Fields;
}

/** A command of the victim that waits for people: the one that does, or a new one. */
export async function heldCommand(ground: Ground): Promise<HeldCommand> {
  const there = await waiting(ground);
  if (there !== undefined) return there;
  await ground.inAgent(['sh', '-c', `psql -qAtc "${HELD}" </dev/null >/dev/null 2>&1 &`]);
  return await ground.stage.cluster.until('a command waits', () => waiting(ground));
}

async function waiting(ground: Ground): Promise<HeldCommand | undefined> {
  const uid = await ground.uid(VICTIM);
  const { items }: { items: readonly Fields[] } = Object(await ground.must({ path: REQUESTS }));
  const request = items.find(({ metadata, status }) => {
    const { conditions = [] }: { conditions?: readonly Fields[] } = Object(status);
    const labels: Fields = Object(Object(metadata).labels);
    return (
      labels[POD_UID_LABEL] === uid && !conditions.some(({ type, status: is }) => type === 'Decided' && is === 'True')
    );
  });
  return request === undefined ? undefined : { path: `${REQUESTS}/${Object(request['metadata']).name}`, request };
}
