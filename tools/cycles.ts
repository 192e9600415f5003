/** Cycles of a directed graph: the strongly connected parts with more than one member, and members that name themselves (Tarjan 1972). */

interface Visit {
  readonly graph: ReadonlyMap<string, readonly string[]>;
  readonly index: Map<string, number>;
  readonly low: Map<string, number>;
  readonly stack: string[];
  readonly cycles: string[][];
}

/** Each cycle once, its members sorted; the cycles in the order of their first member. */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const visit: Visit = { graph, index: new Map(), low: new Map(), stack: [], cycles: [] };
  for (const node of graph.keys()) if (!visit.index.has(node)) enter(visit, node);
  return visit.cycles.sort((a, b) => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1));
}

function enter(visit: Visit, node: string): void {
  const { graph, index, low, stack } = visit;
  const order = index.size;
  index.set(node, order);
  low.set(node, order);
  stack.push(node);
  for (const next of graph.get(node) ?? []) {
    if (!index.has(next)) enter(visit, next);
    if (stack.includes(next)) low.set(node, Math.min(low.get(node) ?? order, low.get(next) ?? order));
  }
  if (low.get(node) === order) leave(visit, node);
}

function leave(visit: Visit, node: string): void {
  const members = visit.stack.splice(visit.stack.indexOf(node));
  const namesItself = visit.graph.get(node)?.includes(node) ?? false;
  if (members.length > 1 || namesItself) visit.cycles.push(members.sort());
}
