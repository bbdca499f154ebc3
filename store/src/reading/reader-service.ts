import { setImmediate } from 'node:timers/promises';
import { type DescMessage, type MessageShape, toJsonString } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import type { Fault } from '@sidegate/crds';
import {
  ChunksRequestSchema,
  EventsRequestSchema,
  GetSessionRequestSchema,
  ListAlarmsRequestSchema,
  ListReadingsRequestSchema,
  ListSessionsRequestSchema,
  Reader,
  SearchRequestSchema,
  VerifyRequestSchema,
  WatchRequestSchema,
} from '@sidegate/session/store';
import type { SessionRow } from '../index/session-query.ts';
import type { Store } from '../store.ts';
import { alarmMessage, commandMessage, filterOf, readingMessage, sessionMessage, verifyMessage } from './messages.ts';
import { eventsSince, sessionEvents } from './stored-events.ts';
import { unindexedSessions } from './unindexed.ts';
import { verifyStored } from './verify-stored.ts';

const LIMIT_MAX = 1000;

/** Serves `sidegate.store.v1.Reader`. Who may call is the listener's business; `reader` is who that is. */
export function readerRoutes(store: Store, reader: string): (router: ConnectRouter) => void {
  /** Written down, on disk, before anything is shown. */
  const record = <Schema extends DescMessage>(schema: Schema, request: MessageShape<Schema>, sessionId = ''): void => {
    const action = schema.name.replace(/Request$/u, '');
    store.readings.add({ atUs: store.nowUs(), reader, action, sessionId, request: toJsonString(schema, request) });
    store.metrics.readings.inc({ action });
  };
  return (router) => {
    router.service(Reader, {
      async listSessions(request, { signal }) {
        record(ListSessionsRequestSchema, request);
        const limit = limitOf(request.limit, 100);
        const page = await store.query.sessions(filterOf(request.filter), limit, request.cursor, signal);
        if (!page.ok) throw invalid(page.fault);
        return {
          sessions: page.value.sessions.map((row) => sessionMessage(row, store.pods.find(row.gate))),
          nextCursor: page.value.next,
        };
      },

      getSession(request) {
        record(GetSessionRequestSchema, request, request.sessionId);
        const session = sessionOf(store, request.sessionId);
        const limit = limitOf(request.limit, LIMIT_MAX);
        const page = store.query.commands(request.sessionId, Number(request.afterCommandId), limit);
        return {
          session: sessionMessage(session, store.pods.find(session.gate)),
          commands: page.commands.map(commandMessage),
          more: page.more,
        };
      },

      async *events(request) {
        record(EventsRequestSchema, request, request.sessionId);
        sessionOf(store, request.sessionId);
        const from = Math.max(1, Number(request.fromSequence));
        for (const { sequence, event } of sessionEvents(store, request.sessionId, from)) {
          yield { sequence: BigInt(sequence), event };
        }
      },

      async *watch(request, { signal }) {
        record(WatchRequestSchema, request, request.sessionId);
        const { sessionId } = request;
        if (sessionId !== '') sessionOf(store, sessionId);
        let sequence = 0;
        let ordinal = store.chunks.lastOrdinal();
        for (;;) {
          const more = store.arrivals.next(signal);
          const events =
            sessionId === ''
              ? eventsSince(store, ordinal, (seen) => {
                  ordinal = seen;
                })
              : sessionEvents(store, sessionId, sequence + 1);
          for (const stored of events) {
            sequence = stored.sequence;
            yield { sessionId: stored.sessionId, sequence: BigInt(sequence), event: stored.event };
          }
          if (sessionId !== '' && store.query.session(sessionId)?.closedUs !== 0) return;
          if (!(await more)) return;
        }
      },

      async search(request, { signal }) {
        record(SearchRequestSchema, request);
        const limit = limitOf(request.limit, 100);
        const found = await store.query.search(request.text, filterOf(request.filter), limit, signal);
        if (!found.ok) throw invalid(found.fault);
        return { commands: found.value.commands.map(commandMessage), more: found.value.more };
      },

      async *verify(request, { signal }) {
        record(VerifyRequestSchema, request, request.sessionId);
        if (request.sessionId !== '') sessionOf(store, request.sessionId);
        const sessionIds = request.sessionId === '' ? store.query.sessionIds() : [request.sessionId];
        for (const sessionId of sessionIds) {
          const verified = await verifyStored(store, sessionId, signal);
          if (verified !== undefined) yield verifyMessage(sessionId, verified);
        }
        if (request.sessionId !== '') return;
        for await (const sessionId of unindexedSessions(store, signal)) {
          const faults = ['Chunks of this session are on disk, and the index does not name it.'];
          yield { sessionId, consistent: false, faults };
        }
      },

      async *chunks(request) {
        record(ChunksRequestSchema, request, request.sessionId);
        sessionOf(store, request.sessionId);
        for (let next = 1; ; ) {
          const [row] = store.chunks.from(request.sessionId, next, 1);
          if (row === undefined) return;
          const bytes = store.segments.read(row.place);
          if (!bytes.ok) throw new ConnectError(bytes.fault.message, Code.DataLoss);
          next = row.lastSequence + 1;
          yield { chunk: bytes.value };
          await setImmediate();
        }
      },

      listAlarms(request) {
        record(ListAlarmsRequestSchema, request, request.sessionId);
        return { alarms: store.alarms.list(request.sessionId, limitOf(request.limit, 100)).map(alarmMessage) };
      },

      listReadings(request) {
        record(ListReadingsRequestSchema, request, request.sessionId);
        return { readings: store.readings.list(request.sessionId, limitOf(request.limit, 100)).map(readingMessage) };
      },
    });
  };
}

function sessionOf(store: Store, sessionId: string): SessionRow {
  const session = store.query.session(sessionId);
  if (session === undefined) throw new ConnectError(`There is no session ${sessionId}.`, Code.NotFound);
  return session;
}

function limitOf(asked: number, usual: number): number {
  return asked === 0 ? usual : Math.min(asked, LIMIT_MAX);
}

function invalid(fault: Fault): ConnectError {
  return new ConnectError(`${fault.message}${fault.mend === undefined ? '' : ` ${fault.mend}`}`, Code.InvalidArgument);
}
