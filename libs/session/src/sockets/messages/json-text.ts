/**
 * Data as JSON; throws for what would come out as something else on the way: functions, symbols, `undefined` in a list,
 * numbers that are none, binary data, maps and sets, cycles. What has `toJSON`, such as dates, goes as that says.
 * @throws TypeError or RangeError
 */
export function jsonText(data: unknown): string {
  const text = JSON.stringify(data, replacer) as string | undefined;
  if (text === undefined) throw new TypeError('undefined is no JSON');
  return text;
}

function replacer(this: unknown, key: string, value: unknown): unknown {
  // Before `toJSON`, which turns bytes into lists of numbers.
  const original = (this as Readonly<Record<string, unknown>>)[key];
  if (ArrayBuffer.isView(original) || original instanceof ArrayBuffer || original instanceof SharedArrayBuffer) {
    throw new TypeError('binary data is no JSON');
  }
  if (value instanceof Map || value instanceof Set || value instanceof WeakMap || value instanceof WeakSet) {
    throw new TypeError('maps and sets are no JSON');
  }
  if (typeof value === 'function' || typeof value === 'symbol') throw new TypeError(`a ${typeof value} is no JSON`);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new TypeError(`${value} is no JSON`);
  if (value === undefined && Array.isArray(this)) throw new TypeError('undefined in a list is no JSON');
  return value;
}
