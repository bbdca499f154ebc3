export * from './json.ts';
export * from './text.ts';
