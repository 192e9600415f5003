/** Completion in the shells themselves: what a person sees after pressing Tab. */
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { childEnvironment } from '@sikkerkey/host/environment.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BuiltCli, buildCli } from './programs.ts';

interface Case {
  readonly name: string;
  readonly line: string;
  readonly offered: readonly string[];
  readonly notOffered: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: 'the groups and commands',
    line: 'sikkerkey ',
    offered: ['agent', 'admin', 'enroll', 'tui'],
    notOffered: ['machine', '--secret'],
  },
  { name: 'the commands of a group', line: 'sikkerkey admin machine ', offered: ['token', 'approve', 'deny'], notOffered: ['agent'] },
  { name: 'the options of a command', line: 'sikkerkey agent rotate --', offered: ['--secret', '--wait', '--json'], notOffered: ['--tls'] },
  { name: 'options behind an argument', line: 'sikkerkey agent rotate sk_1 --', offered: ['--wait', '--yes'], notOffered: ['--tls'] },
  { name: 'options behind an option', line: 'sikkerkey agent rotate --secret sk_1 --', offered: ['--wait'], notOffered: ['--tls'] },
  {
    name: 'the choices of an option',
    line: 'sikkerkey agent configure --tls ',
    offered: ['verify-full', 'disable'],
    notOffered: ['--tls', 'agent'],
  },
  { name: 'the shells', line: 'sikkerkey completion ', offered: ['bash', 'zsh', 'fish'], notOffered: ['agent'] },
  {
    name: 'files where a file is meant',
    line: 'sikkerkey agent configure --ca-file ca-',
    offered: ['ca-one.pem', 'ca-two.pem'],
    notOffered: ['agent'],
  },
];

let cli: BuiltCli;
let directory: string;

beforeAll(async () => {
  cli = await buildCli();
  directory = await mkdtemp(join(tmpdir(), 'sikkerkey-completion-'));
  for (const file of ['ca-one.pem', 'ca-two.pem']) await writeFile(join(directory, file), '');
  for (const shell of ['bash', 'zsh', 'fish']) {
    await writeFile(join(directory, `script.${shell}`), (await cli.run(directory, ['completion', shell])).stdout);
  }
});

afterAll(async () => {
  await cli.remove();
  await rm(directory, { recursive: true, force: true });
});

/** What the shell printed for a script; its own start-up files are left out. */
function runShell(command: string, args: readonly string[], script: string): string {
  const environment = { ...childEnvironment({}), HOME: directory, TERM: 'xterm', LANG: 'C.UTF-8' };
  const { stdout, stderr, status } = spawnSync(command, [...args, script], {
    cwd: directory,
    encoding: 'utf8',
    env: environment,
    timeout: 30_000,
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout;
}

const isPresent = (shell: string): boolean => spawnSync(shell, ['-c', ':'], { stdio: 'ignore' }).status === 0;

/** As bash calls it: the words, the place of the cursor, and the function that `complete` knows. */
function offeredByBash(line: string): readonly string[] {
  const words = line.split(' ').map((word) => `'${word}'`);
  const script = [
    'source script.bash',
    'name="$(complete -p sikkerkey)"; name="${name##*-F }"; name="${name%% *}"',
    `COMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}`,
    '$name; printf "%s\\n" "${COMPREPLY[@]}"',
  ];
  return runShell('bash', ['--norc', '-c'], script.join('\n')).split('\n');
}

/** An interactive zsh on a pseudo-terminal of its own: Tab is typed, and a key that prints a mark ends what is read. */
function offeredByZsh(line: string): readonly string[] {
  const script = [
    'zmodload zsh/zpty',
    'zpty shell zsh -f -i',
    'zpty -w shell "PROMPT= LISTMAX=0; stty cols 200 rows 100; autoload -Uz compinit; compinit -u -d $PWD/dump; source script.zsh"',
    'zpty -w shell \'mark() { print; print -r MA""RK }; zle -N mark; bindkey ^X mark; zstyle ":completion:*" verbose no\'',
    `zpty -n -w shell ${JSON.stringify(line)}$'\\t\\t\\C-x'`,
    'zpty -r shell seen "*MARK*"',
    'print -r -- "$seen"',
    'zpty -d shell',
  ];
  const seen = runShell('zsh', ['-f', '-c'], script.join('\n'));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: zsh clears what is below, lists, and goes up to the line again
  const listed = [...seen.matchAll(/\u001b\[J((?:(?!\u001b\[J)[\s\S])*?)\u001b\[[0-9]*A/g)].at(-1)?.[1] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal's control sequences are what is taken out
  return listed.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, ' ').split(/\s+/);
}

function offeredByFish(line: string): readonly string[] {
  const script = `source script.fish; complete -C '${line}'`;
  return runShell('fish', ['--no-config', '-c'], script)
    .split('\n')
    .map((row) => row.split('\t')[0] ?? '');
}

/** Bash is on every machine that runs the tests; the other two are tried where somebody uses them. */
const optionalShells = [
  { shell: 'zsh', offeredBy: offeredByZsh },
  { shell: 'fish', offeredBy: offeredByFish },
].filter(({ shell }) => isPresent(shell));

describe.each([{ shell: 'bash', offeredBy: offeredByBash }, ...optionalShells])('in $shell', ({ offeredBy }) => {
  test.each(cases)('Tab offers $name', ({ line, offered, notOffered }) => {
    const words = offeredBy(line);

    expect(words).toEqual(expect.arrayContaining([...offered]));
    for (const word of notOffered) expect(words).not.toContain(word);
  });
});
