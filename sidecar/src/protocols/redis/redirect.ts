import type { SessionOptions } from '../protocol.ts';

type Redirect = SessionOptions['target']['redirect'] | undefined;

/**
 * The error that sends a client of a cluster to another node, pointing at the gate instead; where that node is no Target, a refusal. Undefined for
 * any other error.
 */
export function redirected(
  error: string,
  { redirect, host }: { readonly redirect: Redirect; readonly host: string },
): string | undefined {
  const [, kind, slot, address] = /^(MOVED|ASK) (\d{1,5}) (\S{1,300})$/.exec(error) ?? [];
  if (kind === undefined || slot === undefined || address === undefined) return undefined;
  const at = address.lastIndexOf(':');
  const named = address.slice(0, at);
  const port = Number(address.slice(at + 1));
  // No host: the one that was asked, at another port.
  const found = redirect?.(named === '' || named === '?' ? host : named, port);
  if (found === undefined) return `NOPERM redirect: slot ${slot} is at ${address}, which is no Target of this agent.`;
  return `${kind} ${slot} ${found.host}:${found.port}`;
}
