/** What every test that speaks HTTP runs on. */
export const ADAPTERS = ['express', 'fastify'] as const;
