import { isIP } from 'node:net';
import type { DeviceType } from '../../core/session.js';
import type {
  NoticeFacts,
  NoticeMessage,
  NoticeParameters,
  NoticeSession,
  SessionNoticeKey,
} from './session-notice.js';

const MOST_NAME = 60;
/**
 * Names come from whoever signs in: what could be a link, markup or a line of its own is not repeated to the user. Letters,
 * marks, digits and a few signs are; a dot between two letters would make a link.
 */
const HARMLESS = /^[\p{L}\p{M}\p{N} ,'’()+_-]+$/u;
/** Digits that could be called. */
const LONG_NUMBER = /\d[\d ()-]{6,}/;

const DEVICES: Readonly<Record<DeviceType, string>> = {
  web: 'a browser',
  mobile: 'a phone or tablet',
  desktop: 'a desktop application',
  other: 'an unknown device',
};

/** What of a session may stand in a text. */
export function parametersOf(session: NoticeSession | null, at: Date): NoticeParameters {
  const place = [harmless(session?.location), plainAddress(session?.ip)];
  return {
    device: harmless(session?.deviceName) ?? DEVICES[session?.deviceType ?? 'other'],
    place: place.filter((part) => typeof part === 'string').join(', '),
    time: `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
  };
}

/** Not with a zone, in which anything may stand. */
function plainAddress(ip: string | null | undefined): string | null {
  return typeof ip === 'string' && isIP(ip) !== 0 && !ip.includes('%') ? ip : null;
}

function harmless(text: string | null | undefined): string | null {
  if (text === null || text === undefined || text.length > MOST_NAME) return null;
  const trimmed = text.trim();
  return HARMLESS.test(trimmed) && !LONG_NUMBER.test(trimmed) ? trimmed : null;
}

const WORDS: Readonly<
  Record<SessionNoticeKey, { readonly subject: string; readonly says: string; readonly then: string }>
> = {
  new_device: {
    subject: 'New sign-in to your account',
    says: 'Somebody signed in to your account from a device that was not used before.',
    then: 'If this was you, there is nothing to do. If not, end that session and change your password.',
  },
  approval_asked: {
    subject: 'A sign-in to your account waits for approval',
    says: 'Somebody with your credentials signs in to your account, which others have to approve.',
    then: 'If this was not you, change your password.',
  },
  'ended.limit': {
    subject: 'A session of yours was ended',
    says: 'One of your sessions was ended, because you signed in elsewhere and have as many as are allowed.',
    then: 'If that other sign-in was not you, change your password.',
  },
  'ended.token_reused': {
    subject: 'A session of yours was ended for your safety',
    says: 'One of your sessions was ended, because an old credential of it was used: somebody may have copied it.',
    then: 'Sign in again. If you see sessions that are not yours, end them and change your password.',
  },
  'ended.drift': {
    subject: 'A session of yours was ended for your safety',
    says: 'One of your sessions was ended, because it was used from another device or network.',
    then: 'If this was you, sign in again. If not, change your password.',
  },
  'ended.account': {
    subject: 'A session of yours was ended',
    says: 'One of your sessions was ended, because your account was changed.',
    then: 'If you know nothing of that change, contact us.',
  },
  'ended.all': {
    subject: 'All your sessions were ended',
    says: 'All sessions of your account that began before now were ended.',
    then: 'Sign in again. If you do not know why, contact us.',
  },
  'ended.other': {
    subject: 'A session of yours was ended',
    says: 'One of your sessions was ended by an administrator or a rule of this service.',
    then: 'Sign in again. If you do not know why, contact us.',
  },
};

/** In English. */
export function englishNotice({ key, session, parameters }: NoticeFacts): NoticeMessage {
  const { subject, says, then } = WORDS[key];
  const { device, place, time } = parameters;
  const lines = [
    ...(session === null ? [] : [`Device: ${device}`]),
    ...(place === '' ? [] : [`Place: ${place}`]),
    `Time: ${time}`,
  ];
  return { subject, text: `${says}\n\n${lines.join('\n')}\n\n${then}\n` };
}

/** Whoever has put it into words: a subject becomes a header of a mail, and must not begin another. */
export function asOneLine(subject: string): string {
  return subject.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
}
