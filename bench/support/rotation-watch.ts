/** Hears from the vault, as any reader does, when a version became live and when a rotation ended. */
import { readFileSync } from 'node:fs';
import { parsePrivateKeyPem } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { VaultClient } from '@sikkerkey/core/vault-client/client.ts';
import { readEnvironment } from '@sikkerkey/host/environment.ts';
import { homeOf } from '@sikkerkey/host/home.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import type { VaultEvent } from '@sikkerkey/protocol/vault/machine.ts';
import type { Stage } from './managed-login.ts';
import { clientOf } from './vault-program.ts';

export interface RotationWatch {
  /** Monotonic milliseconds at which the next version of the secret became live. */
  promotion(secretId: string): Promise<number>;
  end(secretId: string): Promise<void>;
}

/** Resolves when the stream stands, so that nothing asked for afterwards is missed. */
export async function watchRotations(stage: Stage): Promise<RotationWatch> {
  const home = homeOf({ ...readEnvironment(), home: stage.daemon.home });
  const key = parsePrivateKeyPem(new SecretText(readFileSync(home.privateKeyFile(stage.vault.vaultId), 'utf8')));
  const client = clientOf(stage.workplace, stage.vault.apiUrl, { kind: 'machine', id: stage.machineId, key }, 2);
  const listeners = new Set<(event: VaultEvent) => void>();
  const ending = new AbortController();
  const stream = follow(client, ending.signal, (event) => {
    for (const listener of [...listeners]) listener(event);
  });
  stage.workplace.atEnd(async () => {
    ending.abort();
    await stream.ended.catch(() => undefined);
  });
  await stream.stands;
  const next = (fits: (event: VaultEvent) => boolean): Promise<number> =>
    new Promise((resolve) => {
      const listener = (event: VaultEvent): void => {
        if (!fits(event)) return;
        listeners.delete(listener);
        resolve(systemClock.monotonic());
      };
      listeners.add(listener);
    });
  return {
    promotion: (secretId) => next((event) => event.kind === 'secret-changed' && event.secretId === secretId),
    end: async (secretId) => {
      await next((event) => event.kind === 'rotation-ended' && event.secretId === secretId);
    },
  };
}

function follow(
  client: VaultClient,
  signal: AbortSignal,
  hear: (event: VaultEvent) => void,
): { readonly stands: Promise<void>; readonly ended: Promise<void> } {
  const { promise: stands, resolve } = Promise.withResolvers<void>();
  const ended = (async () => {
    for await (const event of client.events(null, { signal })) {
      if (event.kind === 'hello') resolve();
      hear(event);
    }
  })();
  return { stands, ended };
}
