/** The vault's age as the store keeps it (managed/vault-age.ts). */
import type { VaultAge } from '../../managed/vault-age.ts';
import type { Database } from './database.ts';

/** Of a store that no vault was made in yet. */
const unborn: VaultAge = { ageMs: 0, countedAt: 0 };

export class AgeRow {
  readonly #get;
  readonly #set;

  constructor(db: Database) {
    this.#get = db.prepare<[], VaultAge>('SELECT age_ms AS ageMs, age_counted_at AS countedAt FROM vault');
    this.#set = db.prepare<[number, number]>('UPDATE vault SET age_ms = ?, age_counted_at = ?');
  }

  get(): VaultAge {
    return this.#get.get() ?? unborn;
  }

  set(age: VaultAge): void {
    this.#set.run(age.ageMs, age.countedAt);
  }
}
