/**
 * Holds every import of the repository against the table in import-table.ts: a breach, a cycle between files, a folder
 * without a row, a row about something that is not there, a package that is used and not declared, or declared and not
 * used, are all errors. Test files may import anything, but nothing may import them.
 */
import { builtinModules } from 'node:module';
import { posix } from 'node:path';
import { findCycles } from './cycles.ts';
import { computedImports, importedByNobody, importTable, type Row, rootFiles } from './import-table.ts';
import { findImports, type Import } from './imports.ts';
import { isTestFile, type SourceFile } from './source-files.ts';

export interface Manifest {
  readonly name: string;
  readonly dependencies: readonly string[];
}

export interface Repository {
  readonly files: readonly SourceFile[];
  /** Workspace folder → its package.json; the root under ''. */
  readonly manifests: ReadonlyMap<string, Manifest>;
}

export interface Table {
  readonly rows: readonly Row[];
  readonly importedByNobody: Readonly<Record<string, string>>;
  readonly rootFiles: Readonly<Record<string, readonly string[]>>;
  readonly computedImports: Readonly<Record<string, string>>;
}

export const productTable: Table = { rows: importTable, importedByNobody, rootFiles, computedImports };

type Target =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'builtin'; readonly name: string }
  | { readonly kind: 'package'; readonly name: string };

interface Edge {
  readonly from: string;
  readonly line: number;
  readonly target: Target;
  readonly specifier: string;
  readonly typeOnly: boolean;
}

/** Every breach as one line, `path:line: sentence`; empty when the house is in order. */
export function checkImports(repository: Repository, table: Table = productTable): string[] {
  const edges: Edge[] = [];
  const problems: string[] = [];
  for (const file of repository.files) {
    const found = findImports(file.text);
    for (const line of found.computed) {
      if (table.computedImports[file.path] === undefined && !isTestFile(file.path))
        problems.push(`${file.path}:${line}: import of a computed name; list it with a reason in import-table.ts`);
    }
    for (const one of found.imports) {
      const target = resolve(file.path, one, repository.manifests);
      if (target === null) problems.push(`${file.path}:${one.line}: cannot tell what "${one.specifier}" is`);
      else edges.push({ from: file.path, line: one.line, target, specifier: one.specifier, typeOnly: one.typeOnly });
    }
  }
  return [
    ...problems,
    ...edges.flatMap((edge) => checkEdge(edge, repository, table)),
    ...checkFolders(repository, table),
    ...checkCycles(edges),
    ...checkPackages(edges, repository, table),
  ];
}

function resolve(from: string, one: Import, manifests: ReadonlyMap<string, Manifest>): Target | null {
  const { specifier } = one;
  if (specifier.startsWith('node:')) return { kind: 'builtin', name: specifier.slice('node:'.length) };
  if (builtinModules.includes(specifier)) return { kind: 'builtin', name: specifier };
  if (specifier.startsWith('.')) return { kind: 'file', path: posix.join(posix.dirname(from), specifier) };
  if (specifier.startsWith('/') || specifier === '') return null;
  const [first = '', second = ''] = specifier.split('/');
  const name = specifier.startsWith('@') ? `${first}/${second}` : first;
  for (const [folder, manifest] of manifests) {
    if (folder !== '' && manifest.name === name) return { kind: 'file', path: posix.join(folder, specifier.slice(name.length + 1)) };
  }
  return { kind: 'package', name };
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

function rowOf(path: string, rows: readonly Row[]): Row | undefined {
  return rows.filter((row) => isWithin(path, row.folder)).sort((a, b) => b.folder.length - a.folder.length)[0];
}

function checkEdge(edge: Edge, repository: Repository, table: Table): string[] {
  const say = (text: string): string[] => [`${edge.from}:${edge.line}: ${text}`];
  if (edge.target.kind === 'file' && !repository.files.some((file) => file.path === (edge.target as { path: string }).path)) {
    if (!edge.target.path.endsWith('.json')) return say(`"${edge.specifier}" does not exist`);
  }
  if (isTestFile(edge.from)) return [];
  if (!edge.from.includes('/')) return [];
  const row = rowOf(edge.from, table.rows);
  if (row === undefined) return [];
  switch (edge.target.kind) {
    case 'builtin': {
      const allowed = row.builtins === 'any' || row.builtins.includes(edge.target.name.split('/')[0] ?? '');
      return allowed ? [] : say(`${row.folder} must not import ${edge.specifier}: ${reason(row, 'node:*')}`);
    }
    case 'package':
      return mayUsePackage(row, edge, edge.target.name)
        ? []
        : say(`${row.folder} must not import ${edge.target.name}: ${reason(row, edge.target.name)}`);
    case 'file':
      return checkFileEdge(edge.target.path, row, edge, table).flatMap(say);
    default:
      return edge.target satisfies never;
  }
}

function mayUsePackage(row: Row, edge: Edge, name: string): boolean {
  if (row.packages.includes(name) || row.developmentFiles?.[edge.from] !== undefined) return true;
  return edge.typeOnly && row.typePackages?.[name] !== undefined;
}

function checkFileEdge(path: string, row: Row, edge: Edge, table: Table): string[] {
  if (isTestFile(path)) return [`imports test code (${path})`];
  if (isWithin(path, row.folder)) {
    return edge.specifier.startsWith('.') ? [] : ['imports its own folder by the name of its package; use a relative path'];
  }
  if (edge.specifier.startsWith('.') && !isWithin(path, 'tools')) return [`reaches into ${path} by a relative path; use the package name`];
  if (row.mayImport.some((allowed) => isWithin(path, allowed))) return [];
  const closed = Object.entries(table.importedByNobody).find(([folder]) => isWithin(path, folder));
  const why = closed === undefined ? reasonForPath(row, path) : closed[1];
  return [`${row.folder} must not import ${path}: ${why}`];
}

function reason(row: Row, name: string): string {
  return row.bans[name] ?? `the row of ${row.folder} (${row.holds}) does not name it`;
}

function reasonForPath(row: Row, path: string): string {
  const ban = Object.entries(row.bans).find(([name]) => isWithin(path, name));
  return ban === undefined ? reason(row, path) : ban[1];
}

/** Every folder with code has a row, every row has a folder, and what a row names is there. */
function checkFolders(repository: Repository, table: Table): string[] {
  const exists = (name: string): boolean => repository.files.some((file) => isWithin(file.path, name));
  const unlisted = repository.files
    .filter((file) => !isTestFile(file.path) && rowOf(file.path, table.rows) === undefined && table.rootFiles[file.path] === undefined)
    .map((file) => `${file.path}: no row of the import table speaks of this folder`);
  const stale = table.rows.flatMap((row) => [
    ...(exists(row.folder) ? [] : [`import-table.ts: there is no folder ${row.folder}`]),
    ...row.mayImport
      .filter((name) => !exists(name))
      .map((name) => `import-table.ts: ${row.folder} may import ${name}, which does not exist`),
  ]);
  const listed = [...Object.keys(table.computedImports), ...Object.keys(table.rootFiles), ...Object.keys(table.importedByNobody)];
  return [...unlisted, ...stale, ...listed.filter((name) => !exists(name)).map((name) => `import-table.ts: ${name} does not exist`)];
}

function checkCycles(edges: readonly Edge[]): string[] {
  const graph = new Map<string, string[]>();
  for (const edge of edges) {
    if (edge.target.kind === 'file') graph.set(edge.from, [...(graph.get(edge.from) ?? []), edge.target.path]);
  }
  return findCycles(graph).map((cycle) => `${cycle[0]}: files import each other in a circle: ${[...cycle, cycle[0]].join(' → ')}`);
}

/** Declared and used must agree, each workspace for itself; tests use what the root declares. */
function checkPackages(edges: readonly Edge[], repository: Repository, table: Table): string[] {
  return [...repository.manifests]
    .filter(([folder]) => folder !== '')
    .flatMap(([folder, manifest]) => {
      const row = table.rows.find((one) => one.folder === folder);
      const used = new Set<string>();
      const usedByProduct = new Set<string>();
      for (const edge of edges) {
        if (!isWithin(edge.from, folder)) continue;
        const name = packageOf(edge, folder, repository.manifests);
        if (name === null) continue;
        used.add(name);
        if (!isTestFile(edge.from) && !isBuildTime(edge, row)) usedByProduct.add(name);
      }
      const known = new Set([...(row?.packages ?? []), ...(folder === 'test' ? manifest.dependencies : [])]);
      return [
        ...[...usedByProduct]
          .filter((name) => !manifest.dependencies.includes(name))
          .map((name) => `${folder}/package.json: ${name} is imported and not declared`),
        ...manifest.dependencies
          .filter((name) => !used.has(name) && folder !== 'test' && row?.usedWithoutImport?.[name] === undefined)
          .map((name) => `${folder}/package.json: ${name} is declared and not imported`),
        ...[...known]
          .filter((name) => !manifest.dependencies.includes(name))
          .map((name) => `import-table.ts: ${folder} may import ${name}, which its package.json does not declare`),
      ];
    });
}

/** Types and development files need nothing when the program runs. */
function isBuildTime(edge: Edge, row: Row | undefined): boolean {
  return edge.target.kind === 'package' && (edge.typeOnly || row?.developmentFiles?.[edge.from] !== undefined);
}

function packageOf(edge: Edge, folder: string, manifests: ReadonlyMap<string, Manifest>): string | null {
  if (edge.target.kind === 'package') return edge.target.name;
  if (edge.target.kind === 'builtin' || isWithin(edge.target.path, folder)) return null;
  const { path } = edge.target;
  return [...manifests].find(([other]) => other !== '' && isWithin(path, other))?.[1].name ?? null;
}
