export * from './chain.ts';
export * from './chunk.ts';
export * from './decode.ts';
export * from './encode.ts';
export * from './event.ts';
export * from './pod-session.ts';
export * from './verify.ts';
export * from './wire-buffer.ts';
