/** One way to the same server. */
export interface Route {
  readonly name: 'direct' | 'haproxy' | 'pgbouncer' | 'relay' | 'gate';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** The process in the middle; undefined: there is none. */
  readonly pid: (() => number) | undefined;
}
