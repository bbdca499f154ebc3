import type { Step } from '../protocols/protocol.ts';

/**
 * Carries out `steps` in order; what a step causes comes right after it, before its successors. Stops when `stopped` says so.
 * A list whose last step causes more is dropped first, so a long pipeline needs no deep stack.
 */
export function walkSteps(
  steps: readonly Step[],
  carryOut: (step: Step) => readonly Step[],
  stopped: () => boolean,
): void {
  const paused: { readonly list: readonly Step[]; next: number }[] = [];
  let current = { list: steps, next: 0 };
  while (!stopped()) {
    const step = current.list[current.next++];
    if (step === undefined) {
      const outer = paused.pop();
      if (outer === undefined) return;
      current = outer;
      continue;
    }
    const caused = carryOut(step);
    if (caused.length === 0) continue;
    if (current.next < current.list.length) paused.push(current);
    current = { list: caused, next: 0 };
  }
}
