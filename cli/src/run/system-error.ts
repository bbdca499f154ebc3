/** The code of a system's error (`ENOENT`); empty when it has none. Errors of another realm count as well. */
export function errorCode(error: unknown): string {
  const { code } = Object(error) as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}

/** What an error says. */
export function errorText(error: unknown): string {
  const { message } = Object(error) as { readonly message?: unknown };
  return typeof message === 'string' ? message : String(error);
}
