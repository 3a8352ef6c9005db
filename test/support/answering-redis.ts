import type { RedisConnection } from '../../libs/session/src/redis/redis-connection.js';

const PAUSE_MS = 10;

/**
 * What Redis answers, however long a busy machine takes: a call is made again until the server has answered it, and so
 * may be carried out twice.
 */
export function answering(connection: RedisConnection): Pick<RedisConnection, 'call'> {
  return {
    call: async (args) => {
      for (;;) {
        const outcome = await connection.call(args);
        if (outcome.kind === 'reply' || outcome.kind === 'error') return outcome;
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      }
    },
  };
}
