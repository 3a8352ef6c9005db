import type { LocalDelivery } from './delivery.js';
import type { NodeAnswer } from './node-message.js';

/** An answer as texts, none longer than `longestBytes`. An acknowledgement that is longer alone counts as none. */
export function answerTexts(id: string, from: string, delivery: LocalDelivery, longestBytes: number): string[] {
  const { reached, failed } = delivery;
  const base = { v: 1, kind: 'answer', id, from } as const;
  const room = longestBytes - 512;
  const texts: string[] = [];
  let acknowledged: NodeAnswer['acknowledged'] = [];
  let unacknowledged: string[] = [];
  let size = 0;
  const flush = (isLast: boolean): void => {
    const counts = isLast ? { reached, failed } : { reached: 0, failed: 0 };
    texts.push(JSON.stringify({ ...base, ...counts, acknowledged, unacknowledged, isLast } satisfies NodeAnswer));
    [acknowledged, unacknowledged, size] = [[], [], 0];
  };
  const make = (bytes: number): void => {
    if (size + bytes > room && size > 0) flush(false);
    size += bytes;
  };
  const silent = [...delivery.unacknowledged];
  for (const { connectionId, value } of delivery.acknowledged) {
    const entry = { connectionId, value } as NodeAnswer['acknowledged'][number];
    const bytes = Buffer.byteLength(JSON.stringify(entry)) + 1;
    if (bytes > room) {
      silent.push(connectionId);
      continue;
    }
    make(bytes);
    acknowledged.push(entry);
  }
  for (const connectionId of silent) {
    make(Buffer.byteLength(connectionId) + 3);
    unacknowledged.push(connectionId);
  }
  flush(true);
  return texts;
}
