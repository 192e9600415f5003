/**
 * The first step of every npm script. Runs on whatever Node the machine has (18 or newer, built-ins only), installs
 * what is missing or out of date, then hands over to the repository's own Node 24. Loads nothing native itself, so a
 * Node that is too old for the product gets a sentence instead of a crash.
 *
 *   node tools/bootstrap.mjs demo|test|check|build|bench [arguments passed on as they are]
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const oldestNode = [24, 15];
const postgresqlVersions = join(root, 'local-servers', 'postgresql-versions');
const programs = {
  demo: { file: 'apps/demo/main.ts', alsoInstall: [] },
  test: { file: 'tools/test.ts', alsoInstall: [postgresqlVersions] },
  check: { file: 'tools/check.ts', alsoInstall: [] },
  build: { file: 'tools/build.ts', alsoInstall: [] },
  docs: { file: 'tools/write-docs.ts', alsoInstall: [] },
  bench: { file: 'bench/main.ts', alsoInstall: [postgresqlVersions] },
};

const say = (text) => process.stderr.write(`${text}\n`);

function refuse(text) {
  say(`error: ${text}`);
  process.exit(1);
}

/**
 * True when npm's own record of what it installed agrees with the lock file as it is now. Whoever installed it: a
 * plain `npm ci` before the first command counts. What is optional may be missing (other platforms' binaries).
 */
function isInstalled(directory) {
  const recordFile = join(directory, 'node_modules', '.package-lock.json');
  if (!existsSync(recordFile)) return false;
  const wanted = packagesIn(join(directory, 'package-lock.json'));
  const installed = packagesIn(recordFile);
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true;
    const found = installed[path];
    if (found === undefined) return isOptional(entry) && !isOurNode(path, entry);
    return found.version === entry.version && found.integrity === entry.integrity && existsSync(join(directory, path));
  });
}

const isOptional = (entry) => entry.optional === true || entry.peer === true || entry.devOptional === true;

/** The one optional package that must be there: the Node 24 for this machine. */
function isOurNode(path, entry) {
  return (
    /\/node-(bin-)?(linux|darwin|win)/.test(path) &&
    entry.os?.includes(process.platform) === true &&
    entry.cpu?.includes(process.arch) === true
  );
}

function packagesIn(lockFile) {
  return JSON.parse(readFileSync(lockFile, 'utf8')).packages ?? {};
}

function install(directory, label) {
  if (!existsSync(join(directory, 'package-lock.json')) || isInstalled(directory)) return true;
  say(`Installing ${label} (once; about a minute) …`);
  const started = Date.now();
  const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
  const done = spawnSync(npm, ['ci', '--no-audit', '--no-fund', '--no-progress', '--loglevel=error'], {
    cwd: directory,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    shell: process.platform === 'win32',
    stdio: ['ignore', 'pipe', 'pipe'],
    // An outer `npm run --foo` must not leak into the inner npm as configuration.
    env: Object.fromEntries(
      Object.entries(process.env).filter(([name]) => !/^npm_(config|lifecycle|package)_/i.test(name) || keptByNpm(name)),
    ),
  });
  if (done.error !== undefined || done.status !== 0) {
    say(`${done.stdout ?? ''}${done.stderr ?? ''}`.trim());
    say(done.error === undefined ? `npm ci failed (exit code ${done.status}).` : `npm could not be started: ${done.error.message}`);
    return false;
  }
  say(`Installed ${label} in ${Math.round((Date.now() - started) / 1000)} s.`);
  return true;
}

/** Where packages come from and how they are reached: the settings that an installation needs. */
function keptByNpm(name) {
  return /^npm_config_(registry|userconfig|globalconfig|cache|prefix|proxy|https_proxy|noproxy|cafile|ca|strict_ssl|offline|prefer_offline|.*auth.*|@.*)$/i.test(
    name,
  );
}

function isNewEnough(version) {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

/** The Node that npm brought, else the one that runs this file, if it is new enough. */
function findNode() {
  const names = process.platform === 'win32' ? ['node.exe', 'node.cmd', 'node'] : ['node'];
  for (const name of names) {
    const brought = join(root, 'node_modules', '.bin', name);
    if (!existsSync(brought)) continue;
    const answer = spawnSync(brought, ['--version'], { encoding: 'utf8', shell: name.endsWith('.cmd') });
    if (answer.status === 0 && isNewEnough(answer.stdout.trim())) return brought;
  }
  if (isNewEnough(process.version)) return process.execPath;
  return refuse(
    `SikkerKey needs Node ${oldestNode.join('.')} or newer; this is ${process.version}, and npm has no Node 24 for ${process.platform}-${process.arch}.\n` +
      'Install Node 24 from https://nodejs.org/en/download and run the command again.',
  );
}

function run(node, file, args) {
  const binDirectory = join(root, 'node_modules', '.bin');
  const separator = process.platform === 'win32' ? ';' : ':';
  const child = spawn(node, [join(root, file), ...args], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, PATH: `${binDirectory}${separator}${process.env.PATH ?? ''}` },
  });
  // The terminal sends Ctrl-C to the whole group: the child ends in its own time, and we end with it.
  const forward = (signal) => () => {
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, forward(signal));
  // npm passes SIGTERM to its shell only, which dies of it: that our parent changed is how we hear of it.
  const parent = process.ppid;
  const orphaned = () => process.ppid !== parent && child.kill('SIGTERM');
  if (process.env.npm_lifecycle_event !== undefined) setInterval(orphaned, 200).unref();
  child.on('error', (error) => refuse(`${node} could not be started: ${error.message}`));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}

function main() {
  const [name = '', ...args] = process.argv.slice(2);
  const program = Object.hasOwn(programs, name) ? programs[name] : undefined;
  if (program === undefined) refuse(`usage: node tools/bootstrap.mjs ${Object.keys(programs).join('|')} [arguments]`);
  if (Number(process.versions.node.split('.')[0]) < 18) refuse(`Node 18 or newer is needed to begin; this is ${process.version}.`);
  if (!install(root, 'dependencies')) refuse('the dependencies could not be installed; nothing was run.');
  for (const directory of program.alsoInstall) {
    if (existsSync(directory) && !install(directory, 'database servers for the tests')) {
      say('The older PostgreSQL servers could not be installed; what needs them will be skipped, loudly.');
    }
  }
  if (!existsSync(join(root, program.file))) refuse(`${program.file} is missing: this copy of the repository is not complete.`);
  run(findNode(), program.file, args);
}

main();
