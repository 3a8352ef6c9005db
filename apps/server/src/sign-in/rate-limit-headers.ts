/** What is left of a limit after an attempt was counted. */
export interface Allowance {
  readonly limit: number;
  readonly windowSeconds: number;
  readonly remaining: number;
  /** Until the window ends. */
  readonly resetSeconds: number;
}

const POLICY = '"sign-in"';

/**
 * The headers that tell a client how many failures it has left, and until when they count.
 * @see draft-ietf-httpapi-ratelimit-headers-10
 */
export function rateLimitHeaders(allowance: Allowance): Readonly<Record<string, string>> {
  const { limit, windowSeconds, remaining, resetSeconds } = allowance;
  return {
    'RateLimit-Policy': `${POLICY};q=${limit};w=${windowSeconds}`,
    RateLimit: `${POLICY};r=${remaining};t=${resetSeconds}`,
  };
}
