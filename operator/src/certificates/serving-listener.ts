import type { Fault, Result } from '@sidegate/crds';
import type { PemPair } from './pem-pair.ts';
import { type FollowOptions, firstServing, followServing } from './serving-source.ts';

/** A listener whose certificate can be replaced. */
export interface ReplaceableListener {
  readonly port: number;
  replaceCertificate(serving: PemPair): void;
  close(): Promise<void>;
}

export interface ServingListenerOptions extends FollowOptions {
  readonly listen: (serving: PemPair) => Promise<Result<ReplaceableListener, Fault>>;
  readonly replaced: () => void;
  readonly signal: AbortSignal;
}

/** Listens as soon as there is a certificate to serve with, and takes up each one that replaces it. */
export class ServingListener {
  /** Resolves when it listens, or with the fault why it never will. Never resolves when it was stopped before. */
  readonly opened: Promise<Fault | undefined>;
  #listener: ReplaceableListener | undefined;
  #opening: Promise<Result<ReplaceableListener, Fault> | undefined>;

  constructor(options: ServingListenerOptions) {
    this.#opening = this.#open(options);
    this.opened = this.#opening.then((done) => {
      if (done === undefined) return new Promise<never>(() => {});
      return done.ok ? undefined : done.fault;
    });
  }

  get isOpen(): boolean {
    return this.#listener !== undefined;
  }

  /** 0 while it does not listen. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  async close(): Promise<void> {
    await this.#opening;
    await this.#listener?.close();
    this.#listener = undefined;
  }

  async #open(options: ServingListenerOptions): Promise<Result<ReplaceableListener, Fault> | undefined> {
    const first = await firstServing(options, options.signal);
    if (first === undefined) return undefined;
    const listening = await options.listen(first);
    if (!listening.ok) return listening;
    this.#listener = listening.value;
    void followServing(
      options,
      first,
      (next) => {
        listening.value.replaceCertificate(next);
        options.replaced();
      },
      options.signal,
    );
    return listening;
  }
}
