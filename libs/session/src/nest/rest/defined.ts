type Defined<T> = { [K in keyof T]: Exclude<T[K], undefined> };

/** Without the keys whose value is `undefined`: for what takes an absent key and no other. */
export function withoutUndefined<T extends object>(value: T): Partial<Defined<T>> {
  return Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined)) as Partial<Defined<T>>;
}
