/** The contract of the storage interface: what every implementation must do, whatever it is built on. */
import { afterEach, beforeEach, describe } from 'vitest';
import { abandonmentContract } from './abandonment-contract.ts';
import { clockContract } from './clock-contract.ts';
import { concurrencyContract } from './concurrency-contract.ts';
import { drainContract } from './drain-contract.ts';
import { endedCredentialsContract } from './ended-credentials-contract.ts';
import { eventsContract } from './events-contract.ts';
import { type CurrentVault, type StorageUnderTest, Vault } from './fixture.ts';
import { holdersContract } from './holders-contract.ts';
import { identityContract } from './identity-contract.ts';
import { invariantsContract } from './invariants-contract.ts';
import { operatorsContract } from './operators-contract.ts';
import { publishedContract } from './published-contract.ts';
import { readsContract } from './reads-contract.ts';
import { rotationContract } from './rotation-contract.ts';
import { secretsContract } from './secrets-contract.ts';
import { tickContract } from './tick-contract.ts';

export function storageContract(name: string, makeStorage: () => Promise<StorageUnderTest>): void {
  describe(`storage contract: ${name}`, () => {
    let vault: Vault;
    beforeEach(async () => {
      vault = await Vault.create(await makeStorage());
    });
    afterEach(async () => {
      await vault.remove();
    });
    const current: CurrentVault = () => vault;
    describe('identities', () => identityContract(current));
    describe('operators', () => operatorsContract(current));
    describe('secrets', () => secretsContract(current));
    describe('reads', () => readsContract(current));
    describe('rotation', () => rotationContract(current));
    describe('credentials that have ended', () => endedCredentialsContract(current));
    describe('abandonment', () => abandonmentContract(current));
    describe('drain', () => drainContract(current));
    describe('holders', () => holdersContract(current));
    describe('published agents', () => publishedContract(current));
    describe('events', () => eventsContract(current));
    describe('tick', () => tickContract(current));
    describe('clock', () => clockContract(current));
    describe('invariants', () => invariantsContract(current));
    describe('concurrency', () => concurrencyContract(current));
  });
}
