import { describe, expect, it } from '@jest/globals';
import { SpareMemory } from './spare-memory.ts';

describe('spare memory', () => {
  it('gives what is large enough, the smallest first', () => {
    const memory = new SpareMemory(1_000_000);
    const [large, small] = [memory.take(100_000), memory.take(5000)];
    expect(small.length).toBeLessThan(10_001);
    memory.give(large);
    memory.give(small);
    expect(memory.take(6000)).toBe(small);
    expect(memory.take(6000)).toBe(large);
    expect(memory.take(6000)).not.toBe(large);
  });

  it('keeps no more than it may, and nothing once it is cleared', () => {
    const memory = new SpareMemory(10_000);
    const buffers = [memory.take(8000), memory.take(8000)] as const;
    for (const buffer of buffers) memory.give(buffer);
    expect(memory.take(8000)).toBe(buffers[0]);
    expect(buffers).not.toContain(memory.take(8000));
    memory.give(buffers[0]);
    memory.clear();
    expect(buffers).not.toContain(memory.take(8000));
    memory.give(buffers[1]);
    expect(memory.take(8000)).toBe(buffers[1]);
  });
});
