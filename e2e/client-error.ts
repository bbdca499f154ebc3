/** What a client was told when something was refused. */
export interface ClientError {
  /** SQLSTATE; empty when the error came by no message of the protocol. */
  readonly code: string;
  readonly message: string;
  readonly detail: string;
  readonly hint: string;
}

/** An error of node-postgres as what the gate or server said. */
export function clientError(error: unknown): ClientError {
  const fields = Object(error) as Readonly<Record<string, unknown>>;
  const text = (name: string): string => {
    const value = fields[name];
    return typeof value === 'string' ? value : '';
  };
  return { code: text('code'), message: text('message'), detail: text('detail'), hint: text('hint') };
}

/** How a promise of a client failed; undefined when it did not. */
export function failureOf(promise: Promise<unknown>): Promise<ClientError | undefined> {
  return promise.then(() => undefined, clientError);
}
