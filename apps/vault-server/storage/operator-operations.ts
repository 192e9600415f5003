/** What the store does about operators, who are people. They are never removed: the audit log names them. */
import type { ListedOperator, OperatorCaller, OperatorSummary, Outcome } from './records.ts';

interface ByOperator {
  readonly caller: OperatorCaller;
}

export interface OperatorOperations {
  createOperator(input: ByOperator & { readonly name: string; readonly publicKey: Uint8Array }): Promise<Outcome<OperatorSummary>>;
  /**
   * The way back in for whoever holds the store and the unseal key; no operator asks for it. The caller made the id, so that
   * the key is handed out before there is an operator to lose it for. Audited as the vault's own act.
   */
  createOperatorAtHost(input: {
    readonly operatorId: string;
    readonly name: string;
    readonly publicKey: Uint8Array;
    readonly now: number;
  }): Promise<OperatorSummary>;
  /** Oldest first. */
  listOperators(input: ByOperator): Promise<Outcome<ListedOperator[]>>;
  /** For good; repeatable. 'last-operator' for the only one who is enabled: nobody could open the vault to another again. */
  disableOperator(input: ByOperator & { readonly operatorId: string }): Promise<Outcome<ListedOperator>>;
}
