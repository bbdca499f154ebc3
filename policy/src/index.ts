export * from './budget/limit-rule.ts';
export * from './command.ts';
export * from './decision.ts';
export * from './detect/index.ts';
export * from './identity.ts';
export * from './mask/index.ts';
export * from './masking.ts';
export * from './session-rules.ts';
