/** Why the file behind an image cannot be used; facts, never thrown. */
export type FileProblem =
  | { readonly kind: 'not-found'; readonly path: string }
  /** `errno` as the system says it, e.g. "EACCES". */
  | { readonly kind: 'unreadable'; readonly path: string; readonly errno: string }
  /** A directory, pipe or device stands at the path. */
  | { readonly kind: 'not-a-file'; readonly path: string }
  | { readonly kind: 'too-large'; readonly path: string; readonly bytes: number };
