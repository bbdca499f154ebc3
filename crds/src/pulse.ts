import type { ServerHttp2Session } from 'node:http2';

/** A peer is found to be gone after at most twice this. */
export const PULSE_MS = 20_000;

/**
 * Asks the peer of a connection now and then whether it is there, by PING (RFC 9113, section 6.7), and cuts the connection when it did not answer until the
 * next time. A machine that vanished says nothing, and who is not heard of must not count as one who is there.
 */
export function watchPulse(session: ServerHttp2Session, everyMs: number): void {
  let isAwaited = false;
  const timer = setInterval(() => {
    if (session.closed || session.destroyed) return;
    if (isAwaited) {
      session.destroy();
      return;
    }
    isAwaited = true;
    session.ping(() => {
      isAwaited = false;
    });
  }, everyMs);
  timer.unref();
  session.on('close', () => clearInterval(timer));
}
