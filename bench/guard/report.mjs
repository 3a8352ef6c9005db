import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { arch, availableParallelism, cpus, loadavg, platform } from 'node:os';
import { join } from 'node:path';
import { AIM_US } from './variants.mjs';

const PACKAGES = ['@nestjs/core', '@nestjs/platform-express', '@nestjs/platform-fastify', 'express', 'fastify', 'pg'];

/** Where and on what the figures were taken. */
export function surroundings() {
  return {
    commit: commit(),
    node: process.version,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    platform: `${platform()} ${arch()}`,
    loadBefore: Number(loadavg()[0].toFixed(2)),
    packages: Object.fromEntries(PACKAGES.map((name) => [name, versionOf(name)])),
  };
}

function commit() {
  const git = (...args) => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'libs', 'bench', 'package-lock.json');
    return git('rev-parse', '--short=12', 'HEAD') + (changed === '' ? '' : ' with changes');
  } catch {
    return 'unknown';
  }
}

/** From the manifest beside what is imported; packages need not export theirs. */
function versionOf(name) {
  const { resolve } = createRequire(import.meta.url);
  for (const folder of resolve.paths(name)) {
    try {
      return JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8')).version;
    } catch {
      // In a folder further up.
    }
  }
  return 'unknown';
}

const us = (value) => value.toFixed(1);

/** The table and what has to be said beside it. */
export function printReport({ surroundings: where, configuration, results }) {
  console.log(`\nServer CPU per request, and what the guard adds to the same route unguarded (µs, medians)\n`);
  const rows = [
    ['adapter', 'variant', 'unguarded', 'guarded', 'added', '± MAD', 'min … max', 'SQL/1000', ''],
    ...results.map((result) => [
      result.adapter,
      result.variant,
      us(result.unguardedUs.median),
      us(result.guardedUs.median),
      us(result.addedUs.median),
      us(result.addedUs.mad),
      `${us(result.addedUs.min)} … ${us(result.addedUs.max)}`,
      us(result.statementsPerThousand),
      result.meetsAim === null ? '' : `${result.meetsAim ? 'meets' : 'misses'} the aim of ${AIM_US}`,
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const isText = (column) => column < 2 || column === rows[0].length - 1;
  for (const [index, row] of rows.entries()) {
    const cells = row.map((cell, column) =>
      isText(column) ? cell.padEnd(widths[column]) : cell.padStart(widths[column]),
    );
    console.log(cells.join('  ').trimEnd());
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  }
  console.log(
    `\n${where.cpu}, ${where.cores} cores, ${where.platform}, load ${where.loadBefore} before, Node ${where.node}`,
  );
  console.log(
    Object.entries(where.packages)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
  );
  console.log(`commit ${where.commit}`);
  console.log(
    `${configuration.pairs} pairs of rounds of ${configuration.roundMs} ms, ${configuration.sessions} sessions in turn, ` +
      `${configuration.connections} connections, maxStalenessMs ${configuration.maxStalenessMs ?? 'default'}`,
  );
  console.log(
    'SQL/1000: statements that the server sent in 1 000 guarded requests. CPU of the database is not counted.',
  );
}
