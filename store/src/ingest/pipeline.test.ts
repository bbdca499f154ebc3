import { describe, expect, test } from '@jest/globals';
import { pipeline } from './pipeline.ts';

/** Answers that a test gives when it wants to. */
class Answers {
  readonly asked: number[] = [];
  readonly #waiting = new Map<number, (answer: string) => void>();
  #wake: () => void = () => {};

  readonly answer = (request: number): Promise<string> => {
    this.asked.push(request);
    this.#wake();
    return new Promise((resolve) => void this.#waiting.set(request, resolve));
  };

  give(request: number): void {
    this.#waiting.get(request)?.(`answer ${request}`);
  }

  async whenAsked(count: number): Promise<void> {
    while (this.asked.length < count) await new Promise<void>((resolve) => void (this.#wake = resolve));
  }
}

async function* requests(count: number) {
  for (let at = 1; at <= count; at += 1) yield at;
}

const running = new AbortController();

describe('a pipeline', () => {
  test('works on several requests at once and answers in order', async () => {
    const answers = new Answers();
    const stream = pipeline(requests(3), answers.answer, 8, running.signal);
    const first = stream.next();
    await answers.whenAsked(3);
    for (const request of [3, 2, 1]) answers.give(request);
    expect(await first).toMatchObject({ value: 'answer 1' });
    expect(await stream.next()).toMatchObject({ value: 'answer 2' });
    expect(await stream.next()).toMatchObject({ value: 'answer 3' });
    expect(await stream.next()).toMatchObject({ done: true });
  });

  test('reads nothing before there is room, and not even then once it is to stop', async () => {
    const answers = new Answers();
    const stopping = new AbortController();
    const rooms: (() => void)[] = [];
    const free = (): Promise<void> => new Promise((resolve) => void rooms.push(resolve));
    const stream = pipeline(requests(3), answers.answer, 8, stopping.signal, free);
    const first = stream.next();
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
    expect([rooms.length, answers.asked]).toEqual([1, []]);
    rooms.shift()?.();
    await answers.whenAsked(1);
    answers.give(1);
    expect(await first).toMatchObject({ value: 'answer 1' });
    const second = stream.next();
    stopping.abort();
    rooms.shift()?.();
    expect(await second).toMatchObject({ done: true });
    expect(answers.asked).toEqual([1]);
  });

  test('reads no further while as many as allowed wait', async () => {
    const answers = new Answers();
    let read = 0;
    async function* counted() {
      for await (const request of requests(9)) {
        read = request;
        yield request;
      }
    }
    const stream = pipeline(counted(), answers.answer, 2, running.signal);
    const first = stream.next();
    await answers.whenAsked(2);
    // One more is read ahead, and none is worked on.
    for (let turn = 0; turn < 100; turn += 1) await Promise.resolve();
    expect([read, answers.asked]).toEqual([3, [1, 2]]);
    answers.give(1);
    expect(await first).toMatchObject({ value: 'answer 1' });
    const second = stream.next();
    await answers.whenAsked(3);
    answers.give(2);
    expect(await second).toMatchObject({ value: 'answer 2' });
    expect(answers.asked).toEqual([1, 2, 3]);
    await stream.return(undefined);
  });

  test('told to stop, answers what it has read and ends, although the sender goes on', async () => {
    const answers = new Answers();
    const stopping = new AbortController();
    async function* endless() {
      yield 1;
      yield 2;
      await new Promise(() => {});
    }
    const stream = pipeline(endless(), answers.answer, 8, stopping.signal);
    const first = stream.next();
    await answers.whenAsked(2);
    stopping.abort();
    for (const request of [1, 2]) answers.give(request);
    expect(await first).toMatchObject({ value: 'answer 1' });
    expect(await stream.next()).toMatchObject({ value: 'answer 2' });
    expect(await stream.next()).toMatchObject({ done: true });
    const late = pipeline(requests(3), answers.answer, 8, stopping.signal);
    expect(await late.next()).toMatchObject({ done: true });
  });

  test('answers what came before the requests broke, and then breaks', async () => {
    async function* breaking() {
      yield 1;
      throw new Error('the stream broke');
    }
    const stream = pipeline(breaking(), (request) => Promise.resolve(`answer ${request}`), 8, running.signal);
    const seen: string[] = [];
    await expect(
      (async () => {
        for await (const answer of stream) seen.push(answer);
      })(),
    ).rejects.toThrow('the stream broke');
    expect(seen.length).toBeLessThanOrEqual(1);
  });
});
