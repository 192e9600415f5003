/** `sikkerkey-vault serve`: connects the parts of one vault process, and takes them apart in order when it is told to end. */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import { keepMemoryOutOfCoreDumps } from '@sikkerkey/host/core-dumps.ts';
import { keepDebuggerShut } from '@sikkerkey/host/debugger.ts';
import { systemClock } from '@sikkerkey/host/system-clock.ts';
import { systemRandom } from '@sikkerkey/host/system-random.ts';
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';
import { CheckpointKeeper } from '../checkpoint-keeper.ts';
import { answerControl } from '../control/answer-control.ts';
import { startControlServer } from '../control/control-server.ts';
import { EventHub } from '../events/event-hub.ts';
import { createApplication } from '../http/application.ts';
import { type Listening, listen, type TlsFiles } from '../http/listen.ts';
import { defaultApiUrl, type ListenAddress, parseListenAddress } from '../http/listen-address.ts';
import { createLog } from '../log.ts';
import { routeTable } from '../routes/route-table.ts';
import { startScheduler } from '../scheduler.ts';
import { SealState } from '../seal-state.ts';
import { readKeyFile } from '../sealing/key-file.ts';
import { Keyring } from '../sealing/keyring.ts';
import type { VaultParts, VaultSettings } from '../vault-parts.ts';
import { vaultVersion } from '../version.ts';
import type { ServeOptions } from './command-line.ts';
import { checkpointsFile, openStore, prepareDataDirectory, vaultRecord } from './data-directory.ts';
import type { Terminal } from './terminal.ts';

const lockoutWindowMs = 60_000;
/** Answers in flight get this long when the process is told to end. */
const closingGraceMs = 3_000;
const logGraceMs = 500;

/** Resolves when the process was told to end and everything is closed. Throws the catalogue's refusals to start. */
export async function serve(options: ServeOptions, terminal: Terminal): Promise<void> {
  const address = parseListenAddress(options.listen);
  const tls = await readTls(options);
  if (!address.loopback && tls === null && !options.insecureListen) throw new CatalogueError('listen-needs-tls', {});
  await using cleanup = new AsyncDisposableStack();
  terminal.neverWaitForReaders();
  const log = createLog(options.logLevel);
  cleanup.defer(() => log.end(systemClock, logGraceMs));
  keepDebuggerShut();
  if (!keepMemoryOutOfCoreDumps()) log.write('warn', 'vault.core-dumps-possible');
  await prepareDataDirectory(options.dataDirectory);
  const storage = await openStore(options.dataDirectory);
  cleanup.defer(() => storage.close());
  const record = await vaultRecord(storage);
  const keyring = new Keyring(record.vaultId, systemRandom);
  const hub = new EventHub();
  const settings: MutableApiUrl = {
    vaultId: record.vaultId,
    apiUrl: options.apiUrl ?? '',
    lockout: { failures: options.lockoutFailures, windowMs: lockoutWindowMs, lockMs: lockoutWindowMs, loopback: options.lockoutLoopback },
  };
  const vault: VaultParts = { storage, keyring, clock: systemClock, random: systemRandom, log, hub, settings };

  const stopping = new AbortController();
  const scheduler = startScheduler(vault, stopping.signal);
  cleanup.defer(async () => {
    stopping.abort();
    await scheduler.done;
  });
  const checkpoints = new CheckpointKeeper(vault, checkpointsFile(options.dataDirectory));
  cleanup.defer(() => checkpoints.stop());
  const sealState = new SealState(vault, record, { scheduler, checkpoints });
  if (options.autoUnsealFile !== null) await sealState.unseal(await readKeyFile(options.autoUnsealFile));

  const application = await createApplication(vault, routeTable(vault));
  cleanup.defer(() => application.close());
  const listening = await listenOrRefuse(address, tls, application.listener);
  cleanup.defer(() => listening.close(closingGraceMs));
  settings.apiUrl ||= defaultApiUrl(address, listening.port, tls !== null);
  const control = await startControlServer(options.dataDirectory, (request) => answerControl(vault, sealState, request));
  cleanup.defer(() => control.close());

  const { vaultId, apiUrl } = settings;
  log.write('info', 'vault.started', { vaultId, version: vaultVersion, apiUrl, port: listening.port });
  await terminal.print(readyLine(options, vaultId, apiUrl, keyring.sealed));
  await interruption(terminal.interrupted);
  hub.closeAll('stopping');
  log.write('info', 'vault.stopped', { vaultId });
}

/** The port, and with it the URL, is known only after listening; nothing reads it before. */
type MutableApiUrl = { -readonly [Name in keyof VaultSettings]: VaultSettings[Name] };

function readyLine({ json, dataDirectory }: ServeOptions, vaultId: string, apiUrl: string, sealed: boolean): string {
  if (json) return JSON.stringify({ event: 'ready', apiUrl, vaultId, sealed });
  return `serving ${vaultId} at ${apiUrl}${sealed ? ` (sealed; next: sikkerkey-vault unseal --data ${dataDirectory})` : ''}`;
}

async function readTls({ tlsCertificateFile, tlsKeyFile }: ServeOptions): Promise<TlsFiles | null> {
  if (tlsCertificateFile === null || tlsKeyFile === null) return null;
  try {
    const files = { certificate: await readFile(tlsCertificateFile), privateKey: await readFile(tlsKeyFile) };
    createSecureContext({ cert: files.certificate, key: files.privateKey });
    return files;
  } catch (cause) {
    throw certificateUnusable(cause);
  }
}

function certificateUnusable(cause: unknown): CatalogueError {
  return new CatalogueError('certificate-unusable', {}, { cause });
}

async function listenOrRefuse(address: ListenAddress, tls: TlsFiles | null, listener: Parameters<typeof listen>[2]): Promise<Listening> {
  try {
    return await listen(address, tls, listener, systemClock);
  } catch (cause) {
    const systemCode: unknown = cause instanceof Error ? Reflect.get(cause, 'code') : undefined;
    throw typeof systemCode === 'string' ? new CatalogueError('listen-failed', { systemCode }, { cause }) : cause;
  }
}

function interruption(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
