/**
 * The identities of this host in the published layout (wire-runtime §3.1–3.2), so that an existing installation just
 * works: `vaults/<id>/identity.json` and `private.pem`, and ours beside them: `operator.json`.
 */
import { readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { parsePrivateKeyPem, type SigningKey, signingKeyFromSeed } from '@sikkerkey/core/identity/signing-key.ts';
import { SecretText } from '@sikkerkey/core/secret-text.ts';
import type { Home } from '@sikkerkey/host/home.ts';
import { ensurePrivateDirectory, readPrivateFile, UnsafePath, writePrivateFile } from '@sikkerkey/host/private-files.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { isIdentifier } from '@sikkerkey/protocol/identifiers.ts';
import * as z from 'zod';

export interface MachineIdentity {
  readonly vaultId: string;
  readonly machineId: string;
  readonly machineName: string;
  readonly apiUrl: string;
  readonly key: SigningKey;
}

export interface OperatorIdentity {
  readonly vaultId: string;
  readonly operatorId: string;
  readonly apiUrl: string;
  readonly key: SigningKey;
}

const identityFile = z.object({
  machineId: z.string().trim(),
  machineName: z.string(),
  vaultId: z.string().trim(),
  apiUrl: z.string().trim(),
  privateKeyPath: z.string().optional(),
});
const operatorFile = z.object({ operatorId: z.string(), apiUrl: z.string(), key: z.string() });

export class IdentityFiles {
  readonly #home: Home;

  constructor(home: Home) {
    this.#home = home;
  }

  /** Names of the vaults that have a directory here. */
  async vaultIds(): Promise<readonly string[]> {
    const entries = await readdir(this.#home.vaults, { withFileTypes: true }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    return entries.filter((entry) => entry.isDirectory() && isIdentifier(entry.name)).map((entry) => entry.name);
  }

  /** Null when this host has no machine identity there. Throws CatalogueError `identity-unusable`. */
  async machine(vaultId: string): Promise<MachineIdentity | null> {
    return this.#machineOf(vaultId, this.#home.identityFile(vaultId), this.#home.privateKeyFile(vaultId));
  }

  /** The successor that waits beside it; null where there is none or it is not complete. Throws CatalogueError `identity-unusable`. */
  async stagedMachine(vaultId: string): Promise<MachineIdentity | null> {
    return this.#machineOf(vaultId, this.#nextIdentity(vaultId), this.#nextKey(vaultId));
  }

  /** Null when no operator's key is kept for that vault. Throws CatalogueError `identity-unusable`. */
  async operator(vaultId: string): Promise<OperatorIdentity | null> {
    return this.#usable(vaultId, async () => {
      const bytes = await readPrivateFile(this.#home.operatorFile(vaultId));
      const { operatorId, apiUrl, key } = operatorFile.parse(JSON.parse(Buffer.from(bytes).toString('utf8')));
      return { vaultId, operatorId, apiUrl, key: signingKeyFromSeed(Buffer.from(key, 'base64')) };
    });
  }

  async keepOperator(identity: OperatorIdentity): Promise<void> {
    await this.#makeDirectory(identity.vaultId);
    const key = Buffer.from(identity.key.seed().reveal()).toString('base64');
    const { operatorId, apiUrl } = identity;
    await writePrivateFile(this.#home.operatorFile(identity.vaultId), JSON.stringify({ operatorId, apiUrl, key }, null, 2));
  }

  /** Puts the successor of an identity beside it; `promoteMachine` makes it the one in force. */
  async stageMachine(identity: MachineIdentity): Promise<void> {
    await this.#makeDirectory(identity.vaultId);
    const { machineId, machineName, vaultId, apiUrl } = identity;
    const privateKeyPath = this.#home.privateKeyFile(vaultId);
    await writePrivateFile(this.#nextKey(vaultId), identity.key.toPem().reveal());
    await writePrivateFile(
      this.#nextIdentity(vaultId),
      JSON.stringify({ machineId, machineName, vaultId, apiUrl, privateKeyPath }, null, 2),
    );
  }

  /** The staged key, while there is one. Throws CatalogueError `identity-unusable`. */
  async stagedKey(vaultId: string): Promise<SigningKey | null> {
    return this.#usable(vaultId, async () => {
      const pem = await readPrivateFile(this.#nextKey(vaultId));
      return parsePrivateKeyPem(new SecretText(Buffer.from(pem).toString('utf8')));
    });
  }

  /** Repeatable: after a crash between the two renames the second is still to be done. */
  async promoteMachine(vaultId: string): Promise<void> {
    await renameIfThere(this.#nextKey(vaultId), this.#home.privateKeyFile(vaultId));
    await renameIfThere(this.#nextIdentity(vaultId), this.#home.identityFile(vaultId));
  }

  /** The key last: without it what is left would be taken for a promotion that was interrupted. */
  async discardStaged(vaultId: string): Promise<void> {
    await unlinkIfThere(this.#nextIdentity(vaultId));
    await unlinkIfThere(this.#nextKey(vaultId));
  }

  /** The key of an enrollment under way, kept before the vault is asked: a lost answer is asked for again with it. */
  async enrollmentKey(name: string): Promise<SecretText | null> {
    const pem = await readPrivateFile(this.#enrollment(name)).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw error;
    });
    return pem === null ? null : new SecretText(Buffer.from(pem).toString('utf8'));
  }

  async keepEnrollmentKey(name: string, key: SigningKey): Promise<void> {
    await ensurePrivateDirectory(this.#home.vaults);
    await writePrivateFile(this.#enrollment(name), key.toPem().reveal());
  }

  async forgetEnrollmentKey(name: string): Promise<void> {
    await unlinkIfThere(this.#enrollment(name));
  }

  #nextKey(vaultId: string): string {
    return join(this.#home.vault(vaultId), 'private.next.pem');
  }

  #nextIdentity(vaultId: string): string {
    return join(this.#home.vault(vaultId), 'identity.next.json');
  }

  #enrollment(name: string): string {
    return join(this.#home.vaults, `.enroll-${name}.pem`);
  }

  async #makeDirectory(vaultId: string): Promise<void> {
    await ensurePrivateDirectory(this.#home.vaults);
    await ensurePrivateDirectory(this.#home.vault(vaultId));
  }

  async #machineOf(vaultId: string, identityPath: string, keyPath: string): Promise<MachineIdentity | null> {
    return this.#usable(vaultId, async () => {
      const identity = identityFile.parse(JSON.parse(await readFile(identityPath, 'utf8')));
      const pem = new SecretText(Buffer.from(await readPrivateFile(keyPath)).toString('utf8'));
      const { machineId, machineName, apiUrl } = identity;
      return { vaultId, machineId, machineName, apiUrl: withoutTrailingSlash(apiUrl), key: parsePrivateKeyPem(pem) };
    });
  }

  async #usable<T>(vaultId: string, read: () => Promise<T>): Promise<T | null> {
    try {
      return await read();
    } catch (cause) {
      if (isMissing(cause)) return null;
      throw unusable(vaultId, cause);
    }
  }
}

export function withoutTrailingSlash(url: string): string {
  return url.replace(/\/+$/, '');
}

function unusable(vaultId: string, cause: unknown): CatalogueError<'identity-unusable'> {
  const why =
    cause instanceof UnsafePath ? `${basename(cause.path)}: ${cause.why}` : cause instanceof CatalogueError ? cause.code : 'not readable';
  return new CatalogueError('identity-unusable', { vaultId, why }, { cause });
}

async function renameIfThere(from: string, to: string): Promise<void> {
  await rename(from, to).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

async function unlinkIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (!isMissing(error)) throw error;
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}
