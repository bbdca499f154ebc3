export * from './content-mask.ts';
export * from './find.ts';
