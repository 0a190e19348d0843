/**
 * The name of an OCaml function: "camlStdlib__List__map_123" is Stdlib.List.map. Modules are joined by "__"
 * (by "." since OCaml 5.1), other characters are "$" and two hexadecimal digits, and the number at the end
 * tells functions of one name apart; anonymous ones ("fun") keep it. null: not one.
 */
export function demangleOcaml(mangled: string): string | null {
  if (!/^caml[A-Z][\w.$']*$/.test(mangled)) return null;
  const dotted = mangled
    .slice(4)
    // "__" between names; a name may begin or end with "_" itself.
    .replace(/([A-Za-z0-9'])__(?=[A-Za-z0-9_$])/g, '$1.')
    .replace(/\$([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  if (!dotted.includes('.')) return null;
  const name = /^(.*[^.])_\d+$/.exec(dotted)?.[1];
  return name === undefined || /\.fun$/.test(name) ? dotted : name;
}
