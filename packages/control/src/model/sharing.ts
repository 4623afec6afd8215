/** Structural sharing: what did not change keeps its identity, so that whoever depends on it can tell by `===`. */

/** `previous` if it has the same elements in the same order, else `next`. */
export function shareList<T>(previous: readonly T[] | undefined, next: readonly T[]): readonly T[] {
  return previous !== undefined && sameElements(previous, next) ? previous : next;
}

export function sameElements(a: readonly unknown[], b: readonly unknown[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/** Remembers the result for the last arguments; they are compared by identity. */
export function rememberLast<A extends readonly unknown[], R>(compute: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | undefined;
  return (...args) => {
    if (last === undefined || !sameElements(last.args, args)) last = { args, result: compute(...args) };
    return last.result;
  };
}

/** Remembers the result for each object for as long as the object lives. */
export function rememberByObject<K extends object, R>(compute: (key: K) => R): (key: K) => R {
  const results = new WeakMap<K, { readonly result: R }>();
  return (key) => {
    let found = results.get(key);
    if (found === undefined) {
      found = { result: compute(key) };
      results.set(key, found);
    }
    return found.result;
  };
}
