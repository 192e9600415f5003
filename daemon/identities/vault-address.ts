/** Which addresses of a vault are usable: an origin, in the clear only on this machine. */
import { CatalogueError } from '@sikkerkey/protocol/catalogue-error.ts';

const ownHosts: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);

/** The origin without a trailing slash. Throws CatalogueError `vault-address-invalid`. */
export function vaultAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new CatalogueError('vault-address-invalid', {});
  }
  const encrypted = url.protocol === 'https:';
  if (!encrypted && !(url.protocol === 'http:' && ownHosts.has(url.hostname))) throw new CatalogueError('vault-address-invalid', {});
  return url.origin;
}
