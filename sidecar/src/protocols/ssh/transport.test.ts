import { expect, test } from '@jest/globals';
import crypto from 'ssh2/lib/protocol/crypto.js';
import Ssh2Protocol from 'ssh2/lib/protocol/Protocol.js';
import { writeFrame } from './codec.ts';
import { openHostKey } from './host-key.ts';
import { LENGTH_BYTES, MESSAGE } from './messages.ts';
import { SshTransport } from './transport.ts';

const MESSAGE_SENT = writeFrame(MESSAGE.channelData, { uint32: 0 }, 'what a program puts out');
const direction = { cipher: ['aes128-gcm@openssh.com'], mac: ['hmac-sha2-256'], compress: ['none'], lang: [] };

/** The gate's side towards an agent, and that agent, which is read and heard only as far as the test has it. */
class Talk {
  readonly transport: SshTransport;
  readonly agent: Ssh2Protocol;
  /** Types of the messages that came to the agent. */
  readonly heard: (number | undefined)[] = [];
  failure = '';
  isSecured = false;
  readonly #toAgent: Uint8Array[] = [];
  readonly #toGate: Uint8Array[] = [];

  constructor() {
    this.transport = new SshTransport(
      { hostKeys: [] },
      {
        write: (bytes) => this.#toAgent.push(bytes),
        receive: () => undefined,
        secured: () => (this.isSecured = true),
        failed: (reason) => (this.failure = reason),
      },
      openHostKey(),
    );
    this.agent = new Ssh2Protocol({
      server: false,
      ident: 'agent',
      offer: { kex: ['curve25519-sha256'], serverHostKey: ['ssh-ed25519'], cs: direction, sc: direction },
      hostVerifier: () => true,
      onWrite: (bytes) => this.#toGate.push(bytes),
      onError: (error) => (this.failure = error.message),
      onHeader: () => undefined,
      onHandshakeComplete: () => undefined,
    });
    const exchange = this.agent._onPayload;
    this.agent._onPayload = (payload) => {
      const [type = 0] = payload;
      if (type >= MESSAGE.keyExchangeInit && type <= MESSAGE.keyExchangeLast) return exchange(payload);
      this.heard.push(type);
      return undefined;
    };
  }

  static async open(): Promise<Talk> {
    await crypto.init;
    const talk = new Talk();
    talk.transport.start();
    talk.agent.start();
    talk.pass();
    return talk;
  }

  /** What the agent said comes to the gate. */
  passToGate(): void {
    for (const bytes of this.#toGate.splice(0)) this.transport.receive(bytes);
  }

  /** All that either said comes to the other. */
  pass(): void {
    while (this.#toGate.length + this.#toAgent.length > 0) {
      this.passToGate();
      for (const bytes of this.#toAgent.splice(0)) this.agent.parse(bytes, 0, bytes.length);
    }
  }
}

test('what is sent waits, and is counted, from when an agent asks for new keys until it has agreed on them', async () => {
  const talk = await Talk.open();
  const { transport, agent, heard } = talk;
  transport.send(MESSAGE_SENT);
  expect([talk.isSecured, transport.waitingBytes]).toEqual([true, 0]);
  agent.rekey();
  talk.passToGate();
  for (let at = 0; at < 3; at += 1) transport.send(MESSAGE_SENT);
  expect(transport.waitingBytes).toBe(3 * (MESSAGE_SENT.length - LENGTH_BYTES));
  talk.pass();
  expect([transport.waitingBytes, talk.failure]).toEqual([0, '']);
  expect(heard.filter((type) => type === MESSAGE.channelData)).toHaveLength(4);
});
