// Copies the regions of examples that the documents show into them; with --check it only tells whether they are the same,
// so that what people read is what CI compiles and runs. The README shows examples/quick-start; in the other documents
// a comment before a block names its file and region: <!-- from examples/jwt-sid/src/jwt.guard.ts guard -->
import { readFileSync, writeFileSync } from 'node:fs';

const README_SOURCES = ['app.module.ts', 'auth.controller.ts'].map((name) => `examples/quick-start/src/${name}`);
const DOCUMENTS = [
  'docs/quick-start.md',
  'docs/recipes.md',
  'docs/administration.md',
  'docs/lifecycle.md',
  'docs/data.md',
  'docs/hooks.md',
  'docs/locks.md',
];

const urlOf = (path) => new URL(`../${path}`, import.meta.url);

function regionOf(path, name) {
  const text = readFileSync(urlOf(path), 'utf8');
  const region = new RegExp(`^ *// #region ${name}\\n([^]*?)^ *// #endregion`, 'm').exec(text)?.[1];
  if (region === undefined) throw new Error(`${path} has no region "${name}".`);
  const lines = region.trimEnd().split('\n');
  const indent = Math.min(...lines.filter((line) => line !== '').map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join('\n');
}

function withReadmeExample(text) {
  const example = README_SOURCES.map((path) => regionOf(path, 'readme')).join('\n\n');
  const block = `<!-- example -->\n\n\`\`\`ts\n${example}\n\`\`\`\n\n<!-- /example -->`;
  return text.replace(/<!-- example -->[\s\S]*?<!-- \/example -->/, () => block);
}

function withRegions(text, path) {
  const strange = text.match(/(?<!-->\n\n)```ts\n[^]{0,60}/);
  if (strange !== null) throw new Error(`${path} has code that nothing compiles:\n${strange[0]}`);
  return text.replace(
    /(<!-- from (\S+) (\S+) -->\n\n)```ts\n[^]*?```/g,
    (_, comment, source, region) => `${comment}\`\`\`ts\n${regionOf(source, region)}\n\`\`\``,
  );
}

const documents = [['README.md', withReadmeExample], ...DOCUMENTS.map((path) => [path, withRegions])];
for (const [path, update] of documents) {
  const before = readFileSync(urlOf(path), 'utf8');
  const after = update(before, path);
  if (after === before) continue;
  if (process.argv.includes('--check')) {
    console.error(`${path} does not show the examples as they are: run "node scripts/readme-example.mjs".`);
    process.exitCode = 1;
  } else {
    writeFileSync(urlOf(path), after);
  }
}
