import { runServer } from './start/run-server.js';

// Explicit, so that a handle that somebody forgot does not keep the process.
process.exit(await runServer());
