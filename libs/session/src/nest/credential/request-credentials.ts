import type { Credential, CredentialExtractor, IncomingHeadersCarrier } from './credential.js';

/** Asks the extractors in order; the first that finds a credential decides. */
export class RequestCredentials {
  constructor(private readonly extractors: readonly CredentialExtractor[]) {}

  of(request: IncomingHeadersCarrier): Credential | undefined {
    for (const extractor of this.extractors) {
      const credential = extractor.extract(request);
      if (credential !== undefined) return credential;
    }
    return undefined;
  }
}
