/** Runs a verb at once; what it throws becomes a rejection, as with a store that has to wait. */
export function atomically<T>(verb: () => T): Promise<T> {
  return new Promise((resolve) => {
    resolve(verb());
  });
}
