import { expect, test } from '@jest/globals';
import { Room } from './room.ts';

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

test('nobody reads on while as many bytes as allowed are in work, and everybody does once some are done', async () => {
  const room = new Room(10);
  const read: string[] = [];
  const wait = (name: string): void => void room.free().then(() => read.push(name));
  const [first, second] = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];
  const done = room.during(6, () => first.promise);
  wait('below');
  await turns();
  expect(read).toEqual(['below']);
  const failed = room.during(4, () => second.promise);
  wait('one');
  wait('other');
  await turns();
  expect(read).toEqual(['below']);
  second.reject(new Error('broken'));
  await expect(failed).rejects.toThrow('broken');
  await turns();
  expect(read).toEqual(['below', 'one', 'other']);
  first.resolve('stored');
  expect(await done).toBe('stored');
});
