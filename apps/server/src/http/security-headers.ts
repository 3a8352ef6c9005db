import type { SecurityHeadersOptions } from '@nestjs/common';

/**
 * What every answer carries, errors included. The policy allows the documentation's own scripts and nothing foreign;
 * nothing may frame it.
 */
export function securityHeaders(overTls: boolean): SecurityHeadersOptions {
  return {
    contentSecurityPolicy: {
      directives: {
        'frame-ancestors': ["'none'"],
        'font-src': ["'self'"],
        'style-src': ["'self'", "'unsafe-inline'"],
        'upgrade-insecure-requests': null,
      },
    },
    xFrameOptions: { action: 'deny' },
    strictTransportSecurity: overTls,
  };
}
