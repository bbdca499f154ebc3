import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.ts';
import { openKind } from './kind.ts';

/** A program in kind's place that writes down how it is called, and fails at `failing`. */
function standIn(
  folder: TemporaryFolder,
  failing: string,
): { readonly program: string; readonly calls: () => readonly string[] } {
  const program = folder.file('kind');
  const lines = [
    '#!/bin/sh',
    `echo "$*" >>${folder.file('calls')}`,
    `case "$1" in ${failing}) echo "failed to pull image" >&2; exit 1 ;; esac`,
  ];
  writeFileSync(program, `${lines.join('\n')}\n`);
  chmodSync(program, 0o755);
  return { program, calls: () => readFileSync(folder.file('calls'), 'utf8').trim().split('\n') };
}

const name = `sidegate-e2e-${process.pid}`;

test('a cluster of kind is made, gets the images, and is taken down', async () => {
  using folder = temporaryFolder('kind');
  const { program, calls } = standIn(folder, 'nothing');
  let archived = '';
  const opened = await openKind(program, async (file) => {
    writeFileSync(file, '');
    archived = file;
  });
  if (!opened.ok) throw new Error(opened.fault);
  const { kubeconfig, down } = opened.value;
  const where = `--name ${name} --kubeconfig ${kubeconfig}`;
  expect(calls()).toEqual([`create cluster ${where} --wait 180s`, `load image-archive ${archived} --name ${name}`]);
  await down();
  expect(calls().at(-1)).toBe(`delete cluster ${where}`);
  expect(existsSync(archived)).toBe(false);
});

test('where kind cannot pull, it says so, no image is made, and nothing stays', async () => {
  using folder = temporaryFolder('kind');
  const { program, calls } = standIn(folder, 'create');
  const opened = await openKind(program, () => Promise.reject(new Error('no image is to be made')));
  expect(opened).toEqual({ ok: false, fault: 'failed to pull image' });
  expect(calls().map((call) => call.split(' ')[0])).toEqual(['create', 'delete']);
});

test('a cluster that does not get its images is taken down', async () => {
  using folder = temporaryFolder('kind');
  const { program, calls } = standIn(folder, 'load');
  await expect(openKind(program, async (file) => writeFileSync(file, ''))).rejects.toThrow(/failed to pull image/);
  expect(calls().map((call) => call.split(' ')[0])).toEqual(['create', 'load', 'delete']);
});
