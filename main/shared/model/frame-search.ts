import { err, ok, type Result } from '../result.ts';
import type { CallTree } from './call-tree.ts';

/** A question to names: a substring, or a regular expression between slashes. Case does not matter. */
export interface NameMatcher {
  matches(name: string): boolean;
}

/** Reads what was typed into the search box. The error is the expression's fault, in one sentence. */
export function parseQuery(text: string): Result<NameMatcher, string> {
  const expression = /^\/(.+)\/$/.exec(text)?.[1];
  if (expression === undefined) {
    const wanted = text.toLowerCase();
    return ok({ matches: (name) => name.toLowerCase().includes(wanted) });
  }
  try {
    const pattern = new RegExp(expression, 'i');
    return ok({ matches: (name) => pattern.test(name) });
  } catch (cause) {
    return err(cause instanceof Error ? cause.message : String(cause));
  }
}

/**
 * Weight of the samples whose stack holds at least one matching node, each sample counted once.
 * `matched` is 1 for every key that matches. Time: nodes.
 */
export function matchedWeight(tree: CallTree, matched: Uint8Array): number {
  const covered = new Uint8Array(tree.length);
  let weight = 0;
  for (let node = 1; node < tree.length; node++) {
    if (covered[tree.parent[node]!] === 1) {
      covered[node] = 1;
    } else if (matched[tree.key[node]!] === 1) {
      covered[node] = 1;
      weight += tree.total[node]!;
    }
  }
  return weight;
}
