/** A text with holes, each of which may be there more than once; what is filled in is plain. */
export function template(text: string, holes: readonly string[]): (...values: readonly string[]) => string {
  const places: { readonly hole: number; readonly after: string }[] = [];
  const [head = '', ...parts] = text.split(new RegExp(`(${holes.join('|')})`));
  for (let at = 0; at < parts.length; at += 2) {
    places.push({ hole: holes.indexOf(parts[at] ?? ''), after: parts[at + 1] ?? '' });
  }
  return (...values) => {
    let filled = head;
    for (const { hole, after } of places) filled += (values[hole] ?? '') + after;
    return filled;
  };
}
