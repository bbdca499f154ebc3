import type { SessionOptions } from '../protocol.ts';

/** How this agent finds the nodes of a cluster. */
interface Nodes {
  readonly redirect: SessionOptions['target']['redirect'] | undefined;
  /** The name of the node that answers. */
  readonly host: string;
}

/** The gate's door to the node that a cluster names so; undefined where it is no Target of the agent. */
export function doorTo(
  named: string,
  port: number,
  { redirect, host }: Nodes,
): { readonly host: string; readonly port: number } | undefined {
  // No host: the one that was asked, at another port.
  return redirect?.(named === '' || named === '?' ? host : named, port);
}

/**
 * The error that sends a client to another node of a cluster, or of Valkey to the primary (`CLIENT CAPA redirect`), pointing at the gate instead; where
 * that node is no Target, a refusal. Undefined for any other error.
 */
export function redirected(error: string, nodes: Nodes): string | undefined {
  const [, kind, slot, address] = /^(MOVED|ASK|REDIRECT)(?: (\d{1,5}))? (\S{1,300})$/.exec(error) ?? [];
  if (kind === undefined || address === undefined) return undefined;
  const at = address.lastIndexOf(':');
  const found = doorTo(address.slice(0, at), Number(address.slice(at + 1)), nodes);
  const [what, words] = slot === undefined ? ['the primary', kind] : [`slot ${slot}`, `${kind} ${slot}`];
  if (found === undefined) return `NOPERM redirect: ${what} is at ${address}, which is no Target of this agent.`;
  return `${words} ${found.host}:${found.port}`;
}
