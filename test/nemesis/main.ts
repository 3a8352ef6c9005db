// npm run test:nemesis -- --minutes 10 [--seed 7] [--strategy RejectNew] [--faults "node killed,network cut"]
import { readSettings } from './settings.js';
import { run } from './run.js';

const begun = performance.now();
const isWell = await run(readSettings(process.argv.slice(2)), (line) => {
  console.log(
    line.startsWith('\n') || line === ''
      ? line
      : `${((performance.now() - begun) / 1_000).toFixed(1).padStart(7)} s  ${line}`,
  );
});
process.exit(isWell ? 0 : 1);
