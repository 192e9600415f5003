/** The strategies under the names that claims and rows carry. */
import type { Strategy } from '../types.ts';
import { flip } from './flip.ts';
import { retain } from './retain.ts';
import { single } from './single.ts';
import type { StrategyRules } from './strategy.ts';

export type StrategyTable = Readonly<Record<Strategy, StrategyRules>>;

export const strategies: StrategyTable = { flip, single, retain };
