import { describe, expect, it } from '@jest/globals';
import { REST_MS, Rest } from './rest.ts';

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
});
