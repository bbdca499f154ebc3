import { expect, test } from '@jest/globals';
import type { Door } from '@sidegate/crds';
import { KeptPorts } from './kept-ports.ts';

function door(port: number, name = 'orders'): Door {
  return {
    access: { namespace: 'agents', name: 'bot' },
    target: { namespace: 'data', name },
    listen: { host: '127.0.0.1', port },
  };
}

function listening({ access, target }: Door, port: number) {
  return { access, target, host: '127.0.0.1', port };
}

test('a running gate is asked for the same door in the same words, and the next one for the port that it had', () => {
  const ports = new KeptPorts();
  expect(ports.ask(door(0)).listen.port).toBe(0);
  ports.note([listening(door(0), 40_001)]);
  expect(ports.ask(door(0)).listen.port).toBe(0);
  ports.forgetQuestions();
  expect(ports.ask(door(0)).listen.port).toBe(40_001);
  expect(ports.ask(door(0)).listen.port).toBe(40_001);
});

test('a door with a port of its own, and another door, are left alone', () => {
  const ports = new KeptPorts();
  ports.note([listening(door(0), 40_001)]);
  expect(ports.ask(door(5432)).listen.port).toBe(5432);
  expect(ports.ask(door(0, 'invoices')).listen.port).toBe(0);
});
