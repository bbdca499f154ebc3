import { describe, expect, it } from '@jest/globals';
import { garbageCollector, REST_MS, Rest } from './rest.ts';

/** One timer at a time, let off by hand. */
function handTimer() {
  let act: (() => void) | undefined;
  let asked = 0;
  return {
    set: (ms: number, then: () => void) => {
      asked = ms;
      act = then;
      return () => {
        if (act === then) act = undefined;
      };
    },
    get asked() {
      return asked;
    },
    get isSet() {
      return act !== undefined;
    },
    passes: () => {
      const now = act;
      act = undefined;
      now?.();
    },
  };
}

describe('rest', () => {
  it('acts once when nothing came for a while', () => {
    const timer = handTimer();
    let acts = 0;
    const rest = new Rest(() => {
      acts += 1;
    }, timer.set);
    rest.begins();
    expect(timer.asked).toBe(REST_MS);
    timer.passes();
    timer.passes();
    expect(acts).toBe(1);
  });

  it('does not act when something came, and waits anew when it begins anew', () => {
    const timer = handTimer();
    let acts = 0;
    const rest = new Rest(() => {
      acts += 1;
    }, timer.set);
    rest.begins();
    rest.ends();
    expect(timer.isSet).toBe(false);
    rest.begins();
    rest.begins();
    timer.passes();
    expect(acts).toBe(1);
  });

  it('collects what nothing holds any longer', async () => {
    const collect = garbageCollector();
    const garbage = new WeakRef({ chunk: new Uint8Array(1024) });
    // A WeakRef holds its target until the job that made it is over.
    await new Promise(setImmediate);
    expect(garbage.deref()).toBeDefined();
    await new Promise(setImmediate);
    collect();
    expect(garbage.deref()).toBeUndefined();
  });
});
