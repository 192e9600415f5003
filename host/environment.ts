/**
 * The one reader of environment variables. Each is named here with its meaning; an empty value counts as unset.
 */
export interface Environment {
  /** Directory that stands for `~/.sikkerkey` (wire-runtime §3). */
  readonly home: string | undefined;
  /** Vault id or alias for this invocation. */
  readonly vault: string | undefined;
  /** Path of an identity.json (SDK only, as the published clients). */
  readonly identity: string | undefined;
  /** Base URL for every request of this invocation. */
  readonly apiUrl: string | undefined;
  readonly noColor: boolean;
  /** The terminal says of itself that it only prints lines. */
  readonly dumbTerminal: boolean;
  readonly userHome: string | undefined;
  readonly runtimeDirectory: string | undefined;
  readonly continuousIntegration: boolean;
  /** Tests only: the boundary at which the process kills itself (`NAME` or `NAME:COUNT`). */
  readonly failpoint: string | undefined;
}

export function readEnvironment(): Environment {
  const text = (name: string): string | undefined => process.env[name] || undefined;
  return {
    home: text('SIKKERKEY_HOME'),
    vault: text('SIKKERKEY_VAULT'),
    identity: text('SIKKERKEY_IDENTITY'),
    apiUrl: text('SIKKERKEY_API_URL'),
    noColor: text('NO_COLOR') !== undefined,
    dumbTerminal: text('TERM') === 'dumb',
    userHome: text('HOME'),
    runtimeDirectory: text('XDG_RUNTIME_DIR'),
    continuousIntegration: text('CI') !== undefined,
    failpoint: text('SIKKERKEY_TEST_FAILPOINT'),
  };
}

/** What a child process is given: the search path, locale and home, and what the caller names. Never the whole of ours. */
export function childEnvironment(extra: Readonly<Record<string, string>> = {}): Record<string, string> {
  const kept = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TMPDIR', 'TZ', 'TERM', 'XDG_RUNTIME_DIR'];
  const own = kept.flatMap((name): [string, string][] => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  });
  return { ...Object.fromEntries(own), ...extra };
}
