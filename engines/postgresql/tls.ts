/** What each TLS mode demands of the server, as options for Node. Everything but `disable` encrypts. */
import { type ConnectionOptions, createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import type { TlsSettings } from './config.ts';

/** Throws where the given authorities are no certificates. */
export function tlsOptions(tls: TlsSettings): ConnectionOptions | false {
  switch (tls.mode) {
    case 'disable':
      return false;
    case 'require':
      return { rejectUnauthorized: false };
    case 'verify-ca':
      return { rejectUnauthorized: true, ...authorities(tls), checkServerIdentity: () => undefined };
    case 'verify-full':
      return { rejectUnauthorized: true, ...authorities(tls) };
    default:
      return tls.mode satisfies never;
  }
}

function authorities(tls: TlsSettings): ConnectionOptions {
  return tls.ca === undefined ? { secureContext: systemContext() } : { ca: tls.ca };
}

/**
 * Node's own authorities and those of the system. Parsing them all costs tens of milliseconds and they are the same for
 * every connection of this process, so they are kept once made; nothing is read before the first use.
 */
const systemContext = once(
  (): SecureContext => createSecureContext({ ca: [...new Set([...getCACertificates('default'), ...getCACertificates('system')])] }),
);

function once<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
