import type { Scenario } from '../scenario.ts';
import { openingScenarios } from './opening.ts';

/** Every conversation that has a golden transcript. */
export const SCENARIOS: readonly Scenario[] = [...openingScenarios];
