/** The largest request body, in bytes. */
export const BODY_LIMIT = 100 * 1_024;
