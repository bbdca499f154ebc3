import { afterAll, test as always, beforeAll, describe, expect, jest } from '@jest/globals';
import { guardPolicies } from '../../operator/src/injection/guard-policies.ts';
import { mutatingPolicies } from '../../operator/src/injection/mutating-policy.ts';
import { builtPrograms } from '../cluster/programs.ts';
import { type ApiServer, startApiServer } from '../support/api-server.ts';
import { testGiven } from '../support/test-given.ts';
import { JUDGED, POD_FIELDS } from './pod-fields.ts';

jest.setTimeout(600_000);

const programs = builtPrograms();
const test = testGiven(programs, 'fields of a real API server: its programs are not built (npm run cluster -- up)');

interface Schemas {
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, unknown>> }>>;
  };
}

let server: ApiServer;

beforeAll(async () => {
  if (programs !== undefined) server = await startApiServer(programs);
});

afterAll(async () => {
  if (programs !== undefined) await server[Symbol.asyncDispose]();
});

// A later Kubernetes brings fields that no guard knows. Each is a way round the gate until somebody has looked at it.
describe('of every field that this Kubernetes knows it is said what the guards make of it', () => {
  test.each(Object.entries(POD_FIELDS))('%s', async (schema, fields) => {
    const path = '/openapi/v3/api/v1';
    const found = await server.client.request({ path, signal: AbortSignal.timeout(60_000) });
    if (!found.ok) throw new Error(found.fault.message);
    const { schemas } = (found.value as Schemas).components;
    const known = Object.keys(schemas[`io.k8s.api.core.v1.${schema}`]?.properties ?? {});
    expect(known.toSorted()).toEqual(Object.keys(fields).toSorted());
  });
});

always('what is said to be judged is named by the guards or by injection', () => {
  const text = JSON.stringify([guardPolicies(), mutatingPolicies()]);
  const judged = Object.values(POD_FIELDS).flatMap((fields) =>
    Object.keys(fields).filter((field) => fields[field] === JUDGED),
  );
  expect(judged.filter((field) => !new RegExp(`\\b${field}\\b`).test(text))).toEqual([]);
});
