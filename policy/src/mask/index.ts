export * from './binary.ts';
export * from './json.ts';
export * from './text.ts';
