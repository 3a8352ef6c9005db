// Runs the simulated cluster under random schedules, other ones each time: npm run test:simulation -- --schedules 10000.
// SIMULATION_SEED and SIMULATION_PATH, as a failing run prints them, replay that run.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { parseArgs } from 'node:util';

const { values } = parseArgs({ options: { schedules: { type: 'string', default: '10000' } } });
if (!/^[1-9][0-9]*$/.test(values.schedules)) {
  console.error('--schedules takes a whole number.');
  process.exit(2);
}
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    'node_modules/jest/bin/jest.js',
    'libs/session/src/testing/simulation/',
  ],
  {
    stdio: 'inherit',
    env: { SIMULATION_SEED: String(randomInt(2 ** 31)), ...process.env, SIMULATION_SCHEDULES: values.schedules },
  },
);
process.exit(status ?? 1);
