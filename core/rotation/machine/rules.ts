/** What the machine takes for given. The product always passes `productRules`; the search also passes weakened ones. */
import { type StrategyTable, strategies } from '../strategies/by-name.ts';

export interface MachineRules {
  readonly strategies: StrategyTable;
  /** Fresh logins refused as wrong, each followed by a new look, before the pending version is undone (C5). */
  readonly maxRefusedLogins: number;
}

export const productRules: MachineRules = { strategies, maxRefusedLogins: 3 };
