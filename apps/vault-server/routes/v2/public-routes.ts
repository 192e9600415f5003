/** What anybody may ask: health, capabilities, and enrollment, whose one-time token is its credential. */
import { createHash } from 'node:crypto';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import type { Capabilities } from '@sikkerkey/protocol/vault/machine.ts';
import { enrollRoute } from '@sikkerkey/protocol/vault/machine.ts';
import type { Route } from '../../http/application.ts';
import { done } from '../../request-check/refusal.ts';
import { isPublicKey } from '../../request-check/verify-signature.ts';
import type { VaultParts } from '../../vault-parts.ts';
import { vaultVersion } from '../../version.ts';
import { readBody } from '../read-body.ts';

/** What this vault does beyond the published protocol. */
const features = ['events', 'claims', 'holds', 'adoption', 'operators', 'enrollment'];

export function publicRouteTable(vault: VaultParts): readonly Route[] {
  return [
    answering('/healthz', async () => JSON.stringify({ status: 'ok' })),
    answering('/readyz', async () => {
      if (vault.keyring.sealed) throw new CatalogueError('vault-sealed', {});
      await vault.storage.eventCursor();
      const refusedUntil = await vault.storage.refusedUntil({ now: vault.clock.now() });
      if (refusedUntil !== null) throw new CatalogueError('vault-clock-went-back', {});
      return JSON.stringify({ status: 'ready' });
    }),
    answering('/v2/capabilities', async () => JSON.stringify(capabilitiesOf(vault))),
    enrollment(vault),
  ];
}

function answering(path: string, answer: () => Promise<string>): Route {
  return { method: 'GET', path, whileSealed: true, handle: answer };
}

function capabilitiesOf(vault: VaultParts): Capabilities {
  return {
    product: 'sikkerkey-vault',
    version: vaultVersion,
    vaultId: vault.settings.vaultId,
    sealed: vault.keyring.sealed,
    features,
  };
}

function enrollment(vault: VaultParts): Route {
  return {
    method: 'POST',
    path: enrollRoute.path,
    whileSealed: false,
    handle: async (request, { check }) => {
      await check.admitUnsigned(request.address);
      const { token, publicKey, hostname, name } = readBody(enrollRoute.body, request.body);
      if (!isPublicKey(publicKey)) throw new CatalogueError('request-field-invalid', { field: 'publicKey' });
      const outcome = await vault.storage.enrollMachine({
        tokenSha256: createHash('sha256').update(token, 'utf8').digest(),
        publicKey: Buffer.from(publicKey, 'base64'),
        hostname,
        name: name ?? null,
        now: vault.clock.now(),
        address: request.address,
      });
      if (outcome.kind === 'refused' && outcome.reason === 'token-invalid') await check.recordFailure(request.address);
      const machine = done(outcome, 'machine');
      vault.log.write('info', 'machine.enrolled', { machineId: machine.machineId });
      const { vaultId, apiUrl } = vault.settings;
      const { machineId, name: machineName, fingerprint } = machine;
      const state = machine.state === 'approved' ? 'approved' : 'pending';
      return JSON.stringify({ machineId, vaultId, machineName, apiUrl, fingerprint, state });
    },
  };
}
