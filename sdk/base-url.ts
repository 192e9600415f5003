/** Where a vault may be spoken to: https anywhere, http only on this machine, decided on the parsed address and never on a prefix. */
import { ConfigurationError } from './errors.ts';

const ownHosts = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The base URL without trailing slashes. Throws ConfigurationError for anything that would send signatures in clear to elsewhere. */
export function checkedBaseUrl(apiUrl: string): string {
  const url = URL.parse(apiUrl.trim());
  if (url === null) throw new ConfigurationError('apiUrl is not a URL');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ConfigurationError('apiUrl must be a plain address without user, query or fragment');
  }
  const allowed = url.protocol === 'https:' || (url.protocol === 'http:' && ownHosts.has(url.hostname));
  if (!allowed) throw new ConfigurationError(`apiUrl must use https (http only for localhost), not ${url.protocol}//${url.host}`);
  return url.origin + url.pathname.replace(/\/+$/, '');
}
