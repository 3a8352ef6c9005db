/** How a value is written as JSON and read back. `decode` throws `Malformed` for whatever `encode` does not write. */
export interface Field<T> {
  encode(value: T): unknown;
  decode(json: unknown): T;
}

/** One for every property: a property that is forgotten does not compile. */
export type Fields<T> = { readonly [K in keyof T]-?: Field<T[K]> };

export class Malformed extends Error {}

/** The last moment that a date can have, in milliseconds. */
const LAST_MOMENT = 8_640_000_000_000_000;

function field<T>(isOne: (json: unknown) => json is T): Field<T> {
  return {
    encode: (value) => value,
    decode: (json) => {
      if (!isOne(json)) throw new Malformed();
      return json;
    },
  };
}

/** As PostgreSQL can hold it. */
export const text = field(
  (json): json is string => typeof json === 'string' && json.isWellFormed() && !json.includes('\0'),
);
export const flag = field((json): json is boolean => typeof json === 'boolean');
/** A whole number from 0. */
export const count = field(
  (json): json is number => typeof json === 'number' && Number.isSafeInteger(json) && json >= 0,
);
/** Milliseconds, with fractions. */
export const time = field((json): json is number => typeof json === 'number' && json >= 0 && json <= LAST_MOMENT);

export function oneOf<const T extends string>(values: readonly T[]): Field<T> {
  return field((json): json is T => values.some((value) => value === json));
}

export function nullable<T>(inner: Field<T>): Field<T | null> {
  return {
    encode: (value) => (value === null ? null : inner.encode(value)),
    decode: (json) => (json === null ? null : inner.decode(json)),
  };
}

export function listOf<T>(inner: Field<T>): Field<readonly T[]> {
  return {
    encode: (values) => values.map((value) => inner.encode(value)),
    decode: (json) => {
      if (!Array.isArray(json)) throw new Malformed();
      return json.map((item) => inner.decode(item));
    },
  };
}

/** So many bytes, in base64 as it is written here and in no other way. */
export function bytes(length: number): Field<Uint8Array> {
  return {
    encode: (value) => Buffer.from(value).toString('base64url'),
    decode: (json) => {
      const read = Buffer.from(text.decode(json), 'base64url');
      if (read.length !== length || read.toString('base64url') !== json) throw new Malformed();
      return Uint8Array.from(read);
    },
  };
}

/** An object with exactly these properties. */
export function objectOf<T extends object>(fields: Fields<T>): Field<T> {
  const names = Object.keys(fields) as (keyof T & string)[];
  return {
    encode: (value) => Object.fromEntries(names.map((name) => [name, fields[name].encode(value[name])])),
    decode: (json) => {
      if (typeof json !== 'object' || json === null || Object.keys(json).length !== names.length) throw new Malformed();
      const read: Partial<T> = {};
      for (const name of names) {
        if (!Object.hasOwn(json, name)) throw new Malformed();
        read[name] = fields[name].decode((json as Record<string, unknown>)[name]);
      }
      return read as T;
    },
  };
}
