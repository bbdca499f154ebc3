export * from './control/control-service.ts';
export * from './injection/gate-template.ts';
export * from './injection/injection-check.ts';
export * from './injection/injection-settings.ts';
export * from './operator.ts';
