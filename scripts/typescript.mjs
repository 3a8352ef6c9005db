// Lets node run TypeScript without a build: `node --import ./scripts/typescript.mjs file.ts`. Types are dropped, not
// checked; `npm run typecheck` does that.
import { register } from 'node:module';

register('./typescript-hooks.mjs', import.meta.url);
