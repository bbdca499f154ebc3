import { expect, test } from '@jest/globals';
import { billOfMaterials } from './bill-of-materials.ts';

const LOCK = {
  packages: {
    'node_modules/node': { version: '24.0.0', license: 'ISC' },
    'node_modules/@a/b': { version: '1.2.3', license: 'MIT', integrity: 'sha512-AAEC' },
    'node_modules/@a/b/node_modules/c': { version: '2.0.0' },
    'node_modules/unused': { version: '9.9.9' },
  },
};

test('a bill names the packages that files came from, once each, and Node', () => {
  const inputs = ['cli/src/main.ts', 'node_modules/@a/b/x.js', 'node_modules/@a/b/y.js'];
  const nested = 'node_modules/@a/b/node_modules/c/index.js';
  const { components, metadata } = billOfMaterials('gate', [...inputs, nested], LOCK);
  expect(metadata.component.name).toBe('sidegate/gate');
  expect(components.map(({ purl }) => purl)).toEqual([
    'pkg:npm/%40a/b@1.2.3',
    'pkg:npm/c@2.0.0',
    'pkg:npm/node@24.0.0',
  ]);
  expect(components[0]?.hashes).toEqual([{ alg: 'SHA-512', content: '000102' }]);
});

test('a file of a package that the lock file does not know is refused', () => {
  expect(() => billOfMaterials('gate', ['node_modules/d/x.js'], LOCK)).toThrow(
    'node_modules/d is not in the lock file',
  );
});
