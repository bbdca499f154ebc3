export * from './kube/reflector.ts';
