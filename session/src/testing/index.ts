export * from './channel-bytes.ts';
export * from './sample-events.ts';
