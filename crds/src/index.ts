export * from './assert-never.ts';
export * from './resources.ts';
export * from './result.ts';
export * from './snapshot.ts';
