/** Operators as the store keeps them. */

import type { OperatorOperations } from '../operator-operations.ts';
import type { ListedOperator, OperatorCaller, OperatorSummary, Outcome } from '../records.ts';
import { done, refuse } from './admission.ts';
import type { Actor } from './audit-log.ts';
import type { StoreContext } from './context.ts';
import { newIdentifier } from './identifiers.ts';
import { fingerprintOf } from './vault-operations.ts';

interface NewOperator {
  readonly operatorId: string;
  readonly name: string;
  readonly publicKey: Uint8Array;
}

export class Operators implements OperatorOperations {
  readonly #context: StoreContext;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(context: StoreContext) {
    this.#context = context;

    this.#sql = prepare(context.db);
  }

  readonly createOperator: OperatorOperations['createOperator'] = (input) =>
    this.#byOperator(input.caller, () => {
      const operatorId = newIdentifier(this.#context.random, 'op_');
      return done(this.#create(input.caller, { operatorId, name: input.name, publicKey: input.publicKey }, null));
    });
  readonly createOperatorAtHost: OperatorOperations['createOperatorAtHost'] = ({ now, ...operator }) =>
    this.#context.commits.run(() => {
      const vault: Actor = { kind: 'vault', id: this.#sql.node.get() ?? 'node', now, address: null };
      return this.#create(vault, operator, 'at-the-host');
    });
  readonly listOperators: OperatorOperations['listOperators'] = (input) => this.#byOperator(input.caller, () => done(this.#sql.all.all()));
  readonly disableOperator: OperatorOperations['disableOperator'] = ({ caller, operatorId }) =>
    this.#byOperator(caller, () => {
      const found = this.#sql.one.get(operatorId);
      if (found === undefined) return refuse('not-found');
      if (found.state === 'disabled') return done(found);
      if (this.#sql.enabled.get() === 1) return refuse('last-operator');
      this.#sql.disable.run(caller.now, operatorId);
      this.#context.audit.append(caller, { action: 'operator.disable', subject: operatorId });
      return done({ ...found, state: 'disabled' });
    });

  readonly #create = (by: Actor, { operatorId, name, publicKey }: NewOperator, detail: string | null): OperatorSummary => {
    const fingerprint = fingerprintOf(publicKey);
    this.#sql.insert.run(operatorId, name, publicKey, fingerprint, by.now);
    this.#context.audit.append(by, { action: 'operator.create', subject: operatorId, ...(detail === null ? {} : { detail }) });
    return { operatorId, name, fingerprint };
  };
  readonly #byOperator = <Value>(caller: OperatorCaller, work: () => Outcome<Value>): Promise<Outcome<Value>> =>
    this.#context.commits.run(() => this.#context.admission.operator(caller) ?? work());
}

function prepare(db: StoreContext['db']) {
  const listed = `SELECT operator_id AS operatorId, name, fingerprint, iif(disabled_at IS NULL, 'enabled', 'disabled') AS state,
    created_at AS createdAt FROM operators`;
  return {
    node: db.prepare<[], string>('SELECT node FROM vault').pluck(),
    insert: db.prepare('INSERT INTO operators (operator_id, name, public_key, fingerprint, created_at) VALUES (?, ?, ?, ?, ?)'),
    all: db.prepare<[], ListedOperator>(`${listed} ORDER BY rowid`),
    one: db.prepare<[string], ListedOperator>(`${listed} WHERE operator_id = ?`),
    enabled: db.prepare<[], number>('SELECT count(*) FROM operators WHERE disabled_at IS NULL').pluck(),
    disable: db.prepare<[number, string]>('UPDATE operators SET disabled_at = ? WHERE operator_id = ?'),
  };
}
