import { GSSENC_REQUEST_CODE, PROTOCOL_3_2, SSL_REQUEST_CODE, writeCancelRequest } from '../../codec-writer.ts';
import {
  agent,
  authentication,
  backendKey,
  complete,
  error,
  opening,
  parameters,
  password,
  query,
  ready,
  request,
  row,
  rows,
  sasl,
  startup,
  status,
  target,
  terminate,
} from '../frames.ts';
import type { Scenario } from '../scenario.ts';

const token = { session: { identitySource: 'Token' } } as const;
const tls = { session: { agentTls: true } } as const;
const letIn = target(authentication(0), status('search_path', 'public'), backendKey(7), ready());
const unauthenticated = {
  kind: 'Unauthenticated',
  rule: '',
  reason: 'The token has expired.',
  hint: 'Get a new token.',
} as const;

export const openingScenarios: readonly Scenario[] = [
  { name: 'opening-plain', happenings: opening },
  {
    name: 'opening-gss-then-tls-refused',
    happenings: [agent(request(GSSENC_REQUEST_CODE)), agent(request(SSL_REQUEST_CODE)), agent(startup()), letIn],
  },
  { name: 'opening-tls', options: tls, happenings: [agent(request(SSL_REQUEST_CODE)), agent(startup()), letIn] },
  {
    name: 'opening-clear-data-behind-tls-request',
    options: tls,
    uncut: true,
    happenings: [agent(request(SSL_REQUEST_CODE), startup())],
  },
  {
    name: 'opening-direct-tls',
    options: tls,
    uncut: true,
    happenings: [agent(Uint8Array.of(0x16, 3, 1, 0, 5, 1, 2, 3, 4, 5))],
  },
  { name: 'opening-direct-tls-without-certificate', uncut: true, happenings: [agent(Uint8Array.of(0x16, 3, 1, 0, 5))] },
  {
    name: 'opening-twice-tls',
    options: tls,
    happenings: [agent(request(SSL_REQUEST_CODE)), agent(request(SSL_REQUEST_CODE))],
  },
  {
    name: 'opening-token-as-password',
    options: token,
    happenings: [agent(startup()), agent(password('header.body.signature')), letIn],
  },
  {
    name: 'opening-token-refused',
    options: { ...token, identify: () => unauthenticated },
    happenings: [agent(startup()), agent(password('header.body.signature'))],
  },
  {
    name: 'opening-oauthbearer',
    options: token,
    happenings: [
      agent(startup({ options: '-c sidegate.auth=oauthbearer' })),
      agent(sasl('n,,\u0001auth=Bearer header.body.signature\u0001\u0001')),
      letIn,
    ],
  },
  {
    name: 'opening-oauthbearer-asks-where-to-get-a-token',
    options: token,
    happenings: [
      agent(startup({ options: '-c sidegate.auth=oauthbearer' })),
      agent(sasl('n,,\u0001auth=\u0001\u0001')),
      agent(password('\u0001')),
    ],
  },
  {
    name: 'opening-oauthbearer-with-channel-binding',
    options: token,
    happenings: [
      agent(startup({ options: '-c sidegate.auth=oauthbearer' })),
      agent(sasl('p=tls-exporter,,\u0001auth=Bearer header.body.signature\u0001\u0001')),
    ],
  },
  { name: 'opening-no-token', options: token, happenings: [agent(startup()), agent(password(''))] },
  {
    name: 'opening-claims',
    happenings: [
      agent(
        startup({
          application_name: 'reports',
          options:
            '-c sidegate.run=r-1 --sidegate.on-behalf-of=ann\\ lee -c search_path=app,public -csidegate.traceparent=00-1-2-01',
        }),
      ),
      letIn,
    ],
  },
  {
    name: 'opening-protocol-3.2',
    happenings: [
      agent(startup({}, PROTOCOL_3_2)),
      target(authentication(0), status('search_path', 'public'), backendKey(7, Buffer.alloc(32, 9)), ready()),
    ],
  },
  {
    name: 'opening-protocol-3.9-is-negotiated',
    happenings: [agent(startup({ '_pq_.colour': 'red' }, 0x0003_0009)), letIn],
  },
  { name: 'opening-protocol-2', happenings: [agent(startup({}, 0x0002_0000))] },
  { name: 'opening-replication', happenings: [agent(startup({ replication: 'database' }))] },
  { name: 'opening-replication-off', happenings: [agent(startup({ replication: 'false' })), letIn] },
  {
    name: 'opening-setting-that-needs-judging',
    happenings: [agent(startup({ options: '-c session_replication_role=replica' }))],
  },
  {
    name: 'opening-database-not-listed',
    options: { session: { target: { host: 'db', port: 1, tls: false, databases: ['orders'] } } },
    happenings: [agent(startup())],
  },
  {
    name: 'opening-target-without-tls',
    options: { targetTls: true },
    happenings: [agent(startup()), target(Buffer.from('N'))],
  },
  {
    name: 'opening-target-with-tls',
    options: { targetTls: true },
    happenings: [agent(startup()), target(Buffer.from('S')), letIn],
  },
  {
    name: 'opening-target-clear-data-behind-tls-answer',
    options: { targetTls: true },
    uncut: true,
    happenings: [agent(startup()), target(Buffer.from('SR'))],
  },
  { name: 'opening-target-wants-password-in-clear', happenings: [agent(startup()), target(authentication(3))] },
  {
    name: 'opening-target-password-under-tls',
    options: { targetTls: true },
    happenings: [agent(startup()), target(Buffer.from('S')), target(authentication(3)), letIn],
  },
  { name: 'opening-target-md5', happenings: [agent(startup()), target(authentication(5, Buffer.from('salt'))), letIn] },
  {
    name: 'opening-target-scram-plus-only',
    happenings: [agent(startup()), target(authentication(10, 'SCRAM-SHA-256-PLUS', ''))],
  },
  {
    name: 'opening-target-skips-its-scram-proof',
    happenings: [
      agent(startup()),
      target(authentication(10, 'SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256', '')),
      target(authentication(0)),
    ],
  },
  {
    name: 'opening-target-refuses-credential',
    happenings: [agent(startup()), target(error('28P01', 'password authentication failed for user "svc"'))],
  },
  {
    name: 'opening-target-unknown-database',
    happenings: [agent(startup()), target(error('3D000', 'database "shop" does not exist'))],
  },
  {
    name: 'opening-older-server-is-asked-for-its-search-path',
    happenings: [
      agent(startup()),
      target(authentication(0), status('client_encoding', 'UTF8'), backendKey(7), ready()),
      target(rows({ name: 'search_path' }), row('"$user", public'), complete('SHOW'), ready()),
      agent(query('select 1')),
      target(rows({ name: 'a' }), row('1'), complete('SELECT 1'), ready()),
    ],
  },
  { name: 'opening-cancel-request', happenings: [agent(writeCancelRequest(42, Buffer.from('abcd')))] },
  { name: 'opening-cancel-request-3.2', happenings: [agent(writeCancelRequest(42, Buffer.alloc(32, 1)))] },
  { name: 'opening-no-protocol-at-all', happenings: [agent(Buffer.from('GET / HTTP/1.1\r\n\r\n'))] },
  { name: 'opening-agent-gives-up', options: token, happenings: [agent(startup()), agent(terminate)] },
  { name: 'opening-query-before-login', options: token, happenings: [agent(startup()), agent(query('select 1'))] },
  {
    name: 'opening-target-speaks-nonsense',
    happenings: [agent(startup()), target(parameters())],
  },
];
