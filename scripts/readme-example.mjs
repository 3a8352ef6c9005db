// Copies the regions of examples/quick-start that the README shows into it; with --check it only tells whether they are
// the same, so that what people read is what CI compiles and runs.
import { readFileSync, writeFileSync } from 'node:fs';

const SOURCES = ['app.module.ts', 'auth.controller.ts'];

function regionOf(name) {
  const text = readFileSync(new URL(`../examples/quick-start/src/${name}`, import.meta.url), 'utf8');
  const region = /\/\/ #region readme\n([\s\S]*?)\/\/ #endregion/.exec(text)?.[1];
  if (region === undefined) throw new Error(`examples/quick-start/src/${name} has no region "readme".`);
  return region.trimEnd();
}

const readme = new URL('../README.md', import.meta.url);
const before = readFileSync(readme, 'utf8');
const example = SOURCES.map(regionOf).join('\n\n');
const block = `<!-- example -->\n\n\`\`\`ts\n${example}\n\`\`\`\n\n<!-- /example -->`;
const after = before.replace(/<!-- example -->[\s\S]*?<!-- \/example -->/, () => block);
if (process.argv.includes('--check')) {
  if (after !== before) {
    console.error('README.md does not show examples/quick-start as it is: run "node scripts/readme-example.mjs".');
    process.exit(1);
  }
} else {
  writeFileSync(readme, after);
}
