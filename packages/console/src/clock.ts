/** The only place where the console asks for the time or starts a timer. */

/** Milliseconds since 1970. */
export function now(): number {
  return Date.now();
}

/** Calls back again and again until the returned function is called; not while the page is hidden. */
export function every(milliseconds: number, callback: () => void): () => void {
  const timer = setInterval(() => {
    if (!document.hidden) callback();
  }, milliseconds);
  return () => clearInterval(timer);
}

/** Calls back once unless the returned function is called before. */
export function after(milliseconds: number, callback: () => void): () => void {
  const timer = setTimeout(callback, milliseconds);
  return () => clearTimeout(timer);
}
