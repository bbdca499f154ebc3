import { afterAll, beforeAll, beforeEach, describe, expect, jest } from '@jest/globals';
import { allowStatement } from '../../operator/src/injection/egress-lock.ts';
import { GATE_UID } from '../../operator/src/injection/gate-template.ts';
import type { RunningProcess } from '../support/processes.ts';
import { testGiven } from '../support/test-given.ts';
import { ADDRESSES, LOOPBACKS, PodNetwork, whyNoNamespaces } from './pod-network.ts';

jest.setTimeout(120_000);

const why = whyNoNamespaces();
const test = testGiven(why === undefined, `the rules of locked egress in a kernel: ${why ?? ''}`);

const AGENT = 1000;
const ROOT = 0;
const PORT = 5432;
const COUNT_PORT = 5433;
const CLOSED_PORT = 9;
const { pod4, pod6, world4, world6, listed4, listed6 } = ADDRESSES;
/** Said at once: by a reset, and by ICMP or the kernel's refusal to send. */
const REFUSED_TCP = /^ECONNREFUSED$/;
const REFUSED_UDP = /^(?:EPERM|EHOSTUNREACH|EACCES)$/;

let network: PodNetwork;
let world: RunningProcess;
let inPod: RunningProcess;

beforeAll(async () => {
  if (why !== undefined) return;
  network = new PodNetwork();
  world = await network.serve('world', ROOT);
  inPod = await network.serve('pod', AGENT);
});

afterAll(async () => {
  if (why !== undefined) return;
  for (const server of [world, inPod]) await server[Symbol.asyncDispose]();
  await network[Symbol.asyncDispose]();
});

beforeEach(() => {
  if (why === undefined) network.unlock();
});

const WAYS = [
  ['tcp', world4, REFUSED_TCP],
  ['tcp', world6, REFUSED_TCP],
  ['udp', world4, REFUSED_UDP],
  ['udp', world6, REFUSED_UDP],
] as const;

describe('out of the pod', () => {
  test.each(WAYS)('%s to %s: with the lock the gate alone, and without it everybody', (way, address, refused) => {
    const said = (uid: number): string => network.speak(uid, way, address, PORT);
    expect([said(AGENT), said(ROOT), said(GATE_UID)]).toEqual(['ok', 'ok', 'ok']);
    expect(network.lock()).toMatchObject({ code: 0, stderr: '' });
    expect(said(AGENT)).toMatch(refused);
    expect(said(ROOT)).toMatch(refused);
    expect(said(GATE_UID)).toBe('ok');
    network.unlock();
    expect(said(AGENT)).toBe('ok');
  });

  test.each([
    ['tcp', listed4, world4, REFUSED_TCP],
    ['tcp', listed6, world6, REFUSED_TCP],
    ['udp', listed4, world4, REFUSED_UDP],
    ['udp', listed6, world6, REFUSED_UDP],
  ] as const)('%s to the listed network of %s, and not to its neighbour %s', (way, address, neighbour, refused) => {
    network.lock({
      allow4: allowStatement('ip', `${listed4}/32, 192.0.2.0/24`),
      allow6: allowStatement('ip6', `${listed6}/128`),
    });
    expect(network.speak(AGENT, way, address, PORT)).toBe('ok');
    expect(network.speak(AGENT, way, neighbour, PORT)).toMatch(refused);
  });

  test('networks of one family open nothing of the other', () => {
    network.lock({ allow4: allowStatement('ip', '0.0.0.0/0') });
    expect(network.speak(AGENT, 'tcp', world4, PORT)).toBe('ok');
    expect(network.speak(AGENT, 'tcp', world6, PORT)).toMatch(REFUSED_TCP);
  });

  test('networks that overlap are taken', () => {
    expect(network.lock({ allow4: allowStatement('ip', '10.77.0.0/16, 10.77.0.0/24, 10.0.0.0/8') }).code).toBe(0);
    expect(network.speak(AGENT, 'tcp', world4, PORT)).toBe('ok');
  });

  test('an agent does not go on where the gate was, from the port that it had', () => {
    network.lock();
    expect(network.speak(GATE_UID, 'udp', world4, PORT, 40_000)).toBe('ok');
    expect(network.speak(AGENT, 'udp', world4, PORT, 40_000)).toMatch(REFUSED_UDP);
    expect(network.speak(GATE_UID, 'udp', world4, PORT, 40_000)).toBe('ok');
  });

  test('what the gate wrote before it ended arrives', async () => {
    network.lock();
    const bytes = 400_123;
    expect(network.speak(GATE_UID, 'leave', world4, COUNT_PORT, bytes)).toBe('ok');
    await world.line(new RegExp(`^counted ${bytes}$`));
    expect(network.speak(AGENT, 'leave', world4, COUNT_PORT, bytes)).toMatch(REFUSED_TCP);
  });
});

describe('within the pod and into it', () => {
  test.each([...LOOPBACKS, pod4, pod6])('agents reach %s, which is the pod', (address) => {
    network.lock();
    for (const way of ['tcp', 'udp']) expect(network.speak(AGENT, way, address, PORT)).toBe('ok');
  });

  test.each([pod4, pod6])('what comes from outside to %s is answered, as a probe is', (address) => {
    network.lock();
    for (const way of ['tcp', 'udp']) expect(network.speakFromOutside(way, address, PORT)).toBe('ok');
    // A closed port says so: by the kernel, in whose name nobody sends.
    for (const way of ['tcp', 'udp']) expect(network.speakFromOutside(way, address, CLOSED_PORT)).toBe('ECONNREFUSED');
  });
});

describe('loading', () => {
  test('a second time changes nothing, and takes away what stood in the table', () => {
    network.lock();
    const once = network.rules();
    expect(once).toContain('policy drop');
    network.lock({ allow4: allowStatement('ip', '0.0.0.0/0') });
    expect(network.rules()).not.toBe(once);
    network.lock();
    expect(network.rules()).toBe(once);
  });

  test('a rule that nft does not take fails, and loads nothing', () => {
    const failed = network.lock({ allow4: allowStatement('ip', 'nowhere.invalid/8') });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/Error/);
    expect(network.rules()).toBe('');
  });
});
