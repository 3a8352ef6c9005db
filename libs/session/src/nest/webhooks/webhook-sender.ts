import { createHmac } from 'node:crypto';
import { lookup as resolve } from 'node:dns';
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { SessionEvent } from '../events/session-event.js';
import type { SessionIds } from '../session/session-ids.js';
import type { EventDelivery } from '../listeners/durable-session-listener.decorator.js';
import { isSpecialAddress } from './special-addresses.js';
import type { WebhookOptions } from './webhook-options.js';

export const SECRET_PREFIX = 'whsec_';

/**
 * Posts an event, signed with each secret. Follows no redirect, and asks of the address that it connects to, not of a name
 * before, whether it may be.
 *
 * @see https://www.standardwebhooks.com
 */
export async function sendWebhook(
  webhook: Required<Omit<WebhookOptions, 'types'>>,
  event: SessionEvent,
  delivery: EventDelivery,
  ids: SessionIds,
): Promise<void> {
  const { type, ...data } = withOutsideIds(event, ids);
  const now = new Date();
  const at = 'at' in event ? event.at : now;
  const body = JSON.stringify({ type: `session.${type}`, timestamp: at.toISOString(), data });
  const id = `evt_${delivery.id}`;
  const seconds = String(Math.floor(now.getTime() / 1_000));
  const status = await post(webhook, body, {
    'Content-Type': 'application/json',
    'User-Agent': 'nestjs-identity-session',
    'Content-Length': String(Buffer.byteLength(body)),
    'webhook-id': id,
    'webhook-timestamp': seconds,
    'webhook-signature': webhook.secrets.map((secret) => signatureOf(secret, `${id}.${seconds}.${body}`)).join(' '),
  });
  if (status < 200 || status > 299) throw new Error(`The webhook "${webhook.name}" was answered with ${status}.`);
}

/** Whoever gets it can ask by these ids. */
function withOutsideIds(event: SessionEvent, ids: SessionIds): SessionEvent {
  if (event.type === 'resync') return event;
  const { sessionId, restoredFrom } = event;
  return {
    ...event,
    sessionId: sessionId === null ? null : ids.encode(sessionId),
    ...(restoredFrom === undefined ? {} : { restoredFrom: ids.encode(restoredFrom) }),
  };
}

function signatureOf(secret: string, content: string): string {
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  return `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
}

function post(
  { name, url, timeoutMs, allowPrivateAddresses }: Required<Omit<WebhookOptions, 'types'>>,
  body: string,
  headers: Record<string, string>,
): Promise<number> {
  const target = new URL(url);
  const host = target.hostname.replace(/^\[|\]$/g, '');
  // An address that is written out is not looked up.
  if (!allowPrivateAddresses && isIP(host) !== 0 && isSpecialAddress(host)) return Promise.reject(refused(name));
  const send = target.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise<number>((done, failed) => {
    const settings = {
      method: 'POST',
      headers,
      agent: false,
      signal: AbortSignal.timeout(timeoutMs),
      ...(allowPrivateAddresses ? {} : { lookup: publicOnly(name) }),
    } as const;
    const request: ClientRequest = send(target, settings, (response: IncomingMessage) => {
      done(response.statusCode ?? 0);
      // What it says is nobody's business, and may never end.
      response.destroy();
    });
    request.on('error', (error) => {
      failed(new Error(`The webhook "${name}" could not be delivered: ${error.message}`));
    });
    request.end(body);
  });
}

function publicOnly(name: string): LookupFunction {
  return (host, options, answer) => {
    resolve(host, { ...options, all: true }, (error, addresses) => {
      if (error !== null) {
        answer(error, []);
        return;
      }
      const first = addresses[0];
      const isRefused = first === undefined || addresses.some(({ address }) => isSpecialAddress(address));
      if (isRefused) answer(refused(name), []);
      else if (options.all === true) answer(null, addresses);
      else answer(null, first.address, first.family);
    });
  };
}

function refused(name: string): Error {
  return new Error(
    `The webhook "${name}" leads to a private or special address, which allowPrivateAddresses would allow.`,
  );
}
