import { Manager } from 'socket.io-client';
import type { TestApp } from '../../support/app.js';

interface RawEngine {
  readonly transport: { readonly ws: { send(frame: string | Buffer): void } };
  close(): void;
  on(event: 'packet', listener: (packet: { readonly type: string; readonly data?: unknown }) => void): void;
}

export type RawManager = Omit<Manager, 'engine'> & { readonly engine: RawEngine };

/** Speaks engine.io, and leaves to the test what is said over it. `closed` settles once either side has closed. */
export function rawClient(node: TestApp): { manager: RawManager; closed: Promise<void> } {
  const manager = new Manager(node.url, { autoConnect: false, reconnection: false, transports: ['websocket'] });
  const closed = new Promise<void>((resolve) => {
    manager.on('close', () => {
      resolve();
    });
    manager.on('error', () => {
      resolve();
    });
  });
  return { manager: manager as unknown as RawManager, closed };
}
