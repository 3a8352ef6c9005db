// Writes the tables of options into the documents, from the interfaces and their comments: names, types, defaults, units.
// With --check it writes nothing and ends with 1 where a document is not what the code says.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const TABLES = [
  {
    document: 'docs/options.md',
    source: 'libs/session/src/nest/options/identity-session-options.ts',
    options: 'IdentitySessionOptions',
  },
  {
    document: 'docs/sockets.md',
    source: 'libs/session/src/sockets/session-sockets-options.ts',
    options: 'SessionSocketsOptions',
  },
];
const [BEGIN, END] = ['<!-- options -->', '<!-- /options -->'];
/** `Default 5 000.`, `Default: none;`, and whatever more there is up to the end of the sentence. */
const DEFAULT = /\s*\bDefault:? ((?:[^.;]|\.\d)+)[.;]?/;

/** Every option of an interface with its path, type, default and text, in its order. */
export function documentedOptions(name = TABLES[0].options) {
  const { source, options } = TABLES.find((table) => table.options === name);
  return membersOf(options, parse(source)).flatMap((member) => rowsOf(member, ''));
}

function parse(path) {
  return ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
}

/** The members of an interface in a file, or in the file that it is imported from. */
function membersOf(name, file) {
  for (const statement of file.statements) {
    if (ts.isInterfaceDeclaration(statement) && statement.name.text === name) return statement.members;
    const imported = ts.isImportDeclaration(statement) ? (statement.importClause?.namedBindings?.elements ?? []) : [];
    if (!imported.some((element) => element.name.text === name)) continue;
    return membersOf(name, parse(join(dirname(file.fileName), statement.moduleSpecifier.text.replace(/\.js$/, '.ts'))));
  }
  throw new Error(`${file.fileName} has no interface ${name}.`);
}

function rowsOf(member, prefix) {
  const path = prefix + member.name.getText();
  const row = {
    path,
    type: member.type.getText().replaceAll(/\s+/g, ' ').replaceAll('readonly ', ''),
    ...textOf(member),
  };
  const members = groupOf(member.type);
  if (members === undefined) return [row];
  const inner = members.flatMap((one) => rowsOf(one, `${path}.`));
  return row.text === '' && row.default === '' ? inner : [{ ...row, type: '' }, ...inner];
}

/** What is in a group of options, written in place or as an interface called `…Options`. */
function groupOf(type) {
  if (ts.isTypeLiteralNode(type)) return type.members;
  const name = type.getText();
  return /^\w+Options$/.test(name) ? membersOf(name, type.getSourceFile()) : undefined;
}

function textOf(member) {
  const comment = ts.getJSDocCommentsAndTags(member).map((doc) => ts.getTextOfJSDocComment(doc.comment) ?? '');
  const whole = comment.join(' ').replaceAll(/\s+/g, ' ');
  const found = DEFAULT.exec(whole);
  return { default: found?.[1] ?? '', text: whole.replace(DEFAULT, '').trim() };
}

function tableOf(rows) {
  const cell = (text) => text.replaceAll('|', '\\|');
  const code = (text) => (text === '' ? '' : `\`${cell(text)}\``);
  const lines = rows.map(
    (row) => `| ${code(row.path)} | ${code(row.type)} | ${cell(row.default)} | ${cell(row.text)} |`,
  );
  return ['| option | type | default | |', '| --- | --- | --- | --- |', ...lines].join('\n');
}

async function update({ document, options }) {
  const before = readFileSync(document, 'utf8');
  const [head, rest] = before.split(BEGIN);
  const tail = rest.split(END)[1];
  const table = tableOf(documentedOptions(options));
  const text = `${head}${BEGIN}\n\n${table}\n\n${END}${tail}`;
  const after = await format(text, { ...(await resolveConfig(document)), parser: 'markdown' });
  if (!process.argv.includes('--check')) writeFileSync(document, after);
  else if (after !== before) {
    console.error(`${document} is not what the code says; run node scripts/options-doc.mjs`);
    process.exitCode = 1;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) for (const table of TABLES) await update(table);
