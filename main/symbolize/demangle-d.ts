import { DTypes } from './d-types.ts';

/**
 * The qualified name of a D symbol (D specification, "Application Binary Interface", "Name Mangling"),
 * with template arguments and without the types of functions. null: not one, or one we cannot read.
 */
export function demangleD(mangled: string): string | null {
  if (mangled === '_Dmain') return 'D main';
  if (!/^_D[0-9_Q]/.test(mangled)) return null;
  const reader = new DTypes(mangled, 2);
  const name = reader.qualifiedName();
  return name !== null && reader.isSane() && reader.isTypeNext() ? name : null;
}
