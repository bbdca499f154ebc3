import type { Scenario } from '../scenario.ts';
import { copyScenarios } from './copy.ts';
import { cutScenarios } from './cut.ts';
import { extendedScenarios } from './extended.ts';
import { maskedScenarios } from './masked.ts';
import { nameScenarios } from './names.ts';
import { openingScenarios } from './opening.ts';
import { simpleScenarios } from './simple.ts';

/** Every conversation that has a golden transcript. */
export const SCENARIOS: readonly Scenario[] = [
  ...openingScenarios,
  ...simpleScenarios,
  ...extendedScenarios,
  ...nameScenarios,
  ...copyScenarios,
  ...cutScenarios,
  ...maskedScenarios,
];
