import type { OpenedChunk } from '@sidegate/session';
import type { AttestedPod } from './caller.ts';

/** Why the chunk cannot be the gate's of this pod, in one sentence; undefined when it can. What a gate says of its pod must be what was attested. */
export function foreignTo({ namespace, name, uid }: AttestedPod, chunk: OpenedChunk): string | undefined {
  if (chunk.gateId !== uid) return 'It names another gate than its own.';
  for (const { event } of chunk.events) {
    if (event.kind !== 'Opened') continue;
    if (event.gate.id !== uid) return 'Its session names another gate than its own.';
    const { pod } = event.verified;
    if (pod !== undefined && (pod.uid !== uid || pod.name !== name || pod.namespace !== namespace))
      return 'Its session names another pod than its own.';
  }
  return undefined;
}
