/**
 * Why a connection could not be made, or broke, for people. Where all addresses of a host were tried Node gives an error without a text, with one for
 * each in it; and behind some texts it advises whoever starts Node, which is no help to who reads ours.
 */
export function networkError(error: Error): string {
  // It may come from another realm, so its class says nothing.
  const tried: readonly unknown[] = 'errors' in error && Array.isArray(error.errors) ? error.errors : [error];
  return tried.map(textOf).join(', ');
}

function textOf(error: unknown): string {
  const { message } = Object(error) as { readonly message?: unknown };
  return String(message).replace(/; if the root CA .*$/, '');
}
