import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Fault, fail, ok, type Result } from '@sidegate/crds';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** What is asked when somebody looks. */
export interface OperatorProbes {
  /** The program works: it is not stuck. */
  readonly isLive: () => boolean;
  /** The cluster is read. */
  readonly isReady: () => boolean;
  readonly isLeading: () => boolean;
  readonly gates: () => number;
}

export interface ProbeListener {
  readonly port: number;
  close(): Promise<void>;
}

/** Metrics of the operator, counted when they are read. */
export function operatorMetrics({ isLeading, isReady, gates }: OperatorProbes): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauge = (name: string, help: string, read: () => number): void => {
    const made = new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
    made.set(read());
  };
  gauge('sidegate_operator_leading', '1 on the replica that leads.', () => Number(isLeading()));
  gauge('sidegate_operator_synced', '1 when the cluster is read.', () => Number(isReady()));
  gauge('sidegate_operator_gates', 'Gates that follow this replica.', gates);
  return registry;
}

/** Serves /livez, /readyz and /metrics, without TLS: nothing there is secret, and nothing can be changed. */
export function serveProbes(
  { host, port }: { readonly host: string; readonly port: number },
  probes: OperatorProbes,
): Promise<Result<ProbeListener, Fault<'CannotListen'>>> {
  const registry = operatorMetrics(probes);
  const server = createServer((request, response) => {
    const say = (fine: boolean): void => {
      response.writeHead(fine ? 200 : 503, { 'content-type': 'text/plain' }).end(fine ? 'ok\n' : 'not now\n');
    };
    switch (request.url) {
      case '/livez':
        return say(probes.isLive());
      case '/readyz':
        return say(probes.isReady());
      case '/metrics':
        void registry.metrics().then(
          (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
          () => say(false),
        );
        return;
      default:
        response.writeHead(404).end();
    }
  });
  return new Promise((resolve) => {
    server.once('error', (error) => {
      resolve(fail({ code: 'CannotListen', message: `Nothing can listen on ${host}:${port}: ${error.message}.` }));
    });
    server.listen(port, host, () => {
      const close = (): Promise<void> =>
        new Promise((closed) => {
          server.close(() => closed());
          server.closeAllConnections();
        });
      resolve(ok({ port: (server.address() as AddressInfo).port, close }));
    });
  });
}
