import type { DeviceType } from '../../core/session.js';
import type { IncomingHeadersCarrier } from '../credential/credential.js';

/** What could be told about a device. */
export interface ResolvedDevice {
  readonly deviceType: DeviceType;
  /** Plain text to show, such as "Chrome on Windows"; `null` where nothing is known. */
  readonly deviceName: string | null;
}

/**
 * Tells at sign-in which device a session belongs to, where the application does not say so itself. Headers are the
 * client's claims and no proof. Must not throw, whatever the headers hold.
 */
export interface DeviceResolver {
  resolve(headers: IncomingHeadersCarrier['headers']): ResolvedDevice;
}
