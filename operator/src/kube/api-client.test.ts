import { expect, test } from '@jest/globals';
import { FakeTime, until } from './fixture/fake-time.ts';
import { statusOf } from './fixture/objects.ts';
import { startScriptedServer } from './fixture/scripted-server.ts';

const signal = new AbortController().signal;

test('keeps the path of the server before its own, and sends the credentials', async () => {
  await using server = await startScriptedServer('/clusters/one');
  const asked = server.client(new FakeTime()).request({ path: '/api/v1/pods', query: { limit: '1' }, signal });
  const call = await server.next();
  expect(call).toMatchObject({ path: '/clusters/one/api/v1/pods', query: { limit: '1' } });
  expect(call.response.req.headers.authorization).toBe('Bearer a-token');
  call.answer(200, { kind: 'PodList' });
  expect(await asked).toEqual({ ok: true, value: { kind: 'PodList' } });
});

test.each([
  [404, 'NotFound', 'NotFound'],
  [401, 'Unauthorized', 'Forbidden'],
  [403, 'Forbidden', 'Forbidden'],
  [409, 'Conflict', 'Conflict'],
  [409, 'AlreadyExists', 'AlreadyExists'],
  [410, 'Expired', 'Gone'],
  [422, 'Invalid', 'Invalid'],
  [429, 'TooManyRequests', 'Busy'],
  [504, 'Timeout', 'Busy'],
  [400, 'BadRequest', 'Refused'],
] as const)('status %d %s is %s', async (status, reason, code) => {
  await using server = await startScriptedServer();
  const asked = server.client(new FakeTime()).request({ path: '/x', signal });
  (await server.next()).answer(status, statusOf(status, reason));
  expect(await asked).toMatchObject({ ok: false, fault: { code, status, message: `${reason}, said the server.` } });
});

test('an answer of the limit is read, one byte more is not', async () => {
  await using server = await startScriptedServer();
  const client = server.client(new FakeTime(), { answerBytesMax: 10 });
  const fits = client.request({ path: '/x', signal });
  (await server.next()).answer(200, '"12345678"');
  expect(await fits).toEqual({ ok: true, value: '12345678' });
  const large = client.request({ path: '/x', signal });
  (await server.next()).answer(200, '"123456789"');
  expect(await large).toMatchObject({ ok: false, fault: { code: 'TooLarge' } });
});

test('an answer that is no JSON, or breaks off, is unreachable', async () => {
  await using server = await startScriptedServer();
  const client = server.client(new FakeTime());
  const page = client.request({ path: '/x', signal });
  (await server.next()).answer(200, '<html>');
  expect(await page).toMatchObject({ ok: false, fault: { code: 'Unreachable' } });
  const broken = client.request({ path: '/x', signal });
  const call = await server.next();
  call.response.writeHead(200, { 'content-length': '100' });
  call.response.write('{');
  await until(() => call.response.writableLength === 0);
  call.reset();
  expect(await broken).toMatchObject({ ok: false, fault: { code: 'Unreachable' } });
});

test('an aborted request ends', async () => {
  await using server = await startScriptedServer();
  const stop = new AbortController();
  const asked = server.client(new FakeTime()).request({ path: '/x', signal: stop.signal });
  await server.next();
  stop.abort();
  expect(await asked).toMatchObject({ ok: false, fault: { code: 'Unreachable' } });
});

test('a server that is not there is a fault, not a throw', async () => {
  const server = await startScriptedServer();
  const client = server.client(new FakeTime());
  await server[Symbol.asyncDispose]();
  expect(await client.request({ path: '/x', signal })).toMatchObject({
    ok: false,
    fault: { code: 'Unreachable', status: 0 },
  });
  expect(await client.stream({ path: '/x', signal })).toMatchObject({ ok: false, fault: { code: 'Unreachable' } });
});

test('a body goes as the type that was asked for', async () => {
  await using server = await startScriptedServer();
  const asked = server
    .client(new FakeTime())
    .request({ method: 'PATCH', path: '/x', body: { a: 'ü' }, contentType: 'application/apply-patch+yaml', signal });
  const call = await server.next();
  expect(call).toMatchObject({ method: 'PATCH', body: '{"a":"ü"}' });
  expect(call.response.req.headers['content-type']).toBe('application/apply-patch+yaml');
  call.answer(200, {});
  expect(await asked).toEqual({ ok: true, value: {} });
});

test('an event larger than the limit ends the stream', async () => {
  await using server = await startScriptedServer();
  const asked = server.client(new FakeTime(), { answerBytesMax: 8 }).stream({ path: '/x', signal });
  const call = await server.next();
  call.response.writeHead(200);
  call.response.write('"123456"\n"1234567"\n');
  const stream = await asked;
  const seen: unknown[] = [];
  if (stream.ok)
    for await (const document of stream.value.documents) seen.push(document.ok ? document.value : document.fault.code);
  expect(seen).toEqual(['123456', 'TooLarge']);
});
