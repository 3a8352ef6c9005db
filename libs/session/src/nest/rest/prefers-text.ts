/** What both frameworks' requests have. */
export interface AcceptingRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Whether a client asks for `text/plain` by name and does not rank JSON higher; anything else gets JSON. */
export function prefersText({ headers }: AcceptingRequest): boolean {
  const accept = headers.accept;
  if (typeof accept !== 'string') return false;
  const ranges = accept.split(',').map(rangeOf);
  const quality = (type: string): number =>
    Math.max(0, ...ranges.filter((range) => range.type === type).map(({ q }) => q));
  const text = quality('text/plain');
  return text > 0 && text >= quality('application/json');
}

function rangeOf(range: string): { readonly type: string; readonly q: number } {
  const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  return { type, q: q === undefined ? 1 : Number(q) || 0 };
}
