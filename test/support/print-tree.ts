import type { CallTree } from '#shared/model/call-tree.ts';
import { keySpaceOf, labelOfKey } from '#shared/model/call-tree-keys.ts';
import type { TreeRoots } from '#shared/model/call-tree-selection.ts';
import type { SessionTables } from '#shared/model/session-tables.ts';

/** A tree as text: two spaces per level, "name self/total", children by name. */
export function printTree(
  tables: SessionTables,
  tree: CallTree,
  roots: TreeRoots = 'none',
): string {
  const space = keySpaceOf(tables, roots);
  const lines: string[] = [];
  const nameOf = (node: number) =>
    labelOfKey(tables, space, tree.key[node]!, tree.frame[node]!).name;
  const print = (node: number): void => {
    const indent = '  '.repeat(tree.depth[node]!);
    lines.push(`${indent}${nameOf(node)} ${tree.self[node]!}/${tree.total[node]!}`);
    const children: number[] = [];
    for (let child = tree.firstChild[node]!; child >= 0; child = tree.nextSibling[child]!) {
      children.push(child);
    }
    const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
    children.sort((a, b) => order(nameOf(a), nameOf(b))).forEach(print);
  };
  print(0);
  return lines.join('\n');
}

/** Strips the common indentation of a template text, so that expectations can be indented. */
export function trimmed(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const indent = Math.min(...lines.map((line) => line.length - line.trimStart().length));
  return lines.map((line) => line.slice(indent).trimEnd()).join('\n');
}
