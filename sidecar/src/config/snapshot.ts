export type { Door, FromGate, Issuer, ListeningDoor, Snapshot, TargetSecrets, ToGate } from '@sidegate/crds';
