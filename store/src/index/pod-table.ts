import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { AttestedPod } from '../ingest/caller.ts';
import { textOf } from './row.ts';

/** A pod that sent nothing for so long, and of which no session is left, is forgotten; in microseconds. */
const KEPT_US = 86_400_000_000;

/** The table `pods`: what the API server attested of those whose gates sent records, by UID. */
export class PodTable {
  readonly #add: StatementSync;
  readonly #find: StatementSync;
  readonly #forget: StatementSync;

  constructor(database: DatabaseSync) {
    this.#add = database.prepare(`insert into pods (pod_uid, namespace, name, service_account, first_us, last_us)
      values (?, ?, ?, ?, ?5, ?5) on conflict (pod_uid) do update set last_us = excluded.last_us`);
    this.#find = database.prepare('select * from pods where pod_uid = ?');
    this.#forget = database.prepare(`delete from pods where last_us < ?
      and not exists (select 1 from sessions where sessions.gate = pods.pod_uid)`);
  }

  /** The gate of this pod opened a stream. */
  heard({ uid, namespace, name, serviceAccount }: AttestedPod, atUs: number): void {
    this.#add.run(uid, namespace, name, serviceAccount, atUs);
  }

  find(uid: string): AttestedPod | undefined {
    const row = this.#find.get(uid);
    if (row === undefined) return undefined;
    return {
      uid,
      namespace: textOf(row, 'namespace'),
      name: textOf(row, 'name'),
      serviceAccount: textOf(row, 'service_account'),
    };
  }

  forgetUnused(nowUs: number): void {
    this.#forget.run(nowUs - KEPT_US);
  }
}
