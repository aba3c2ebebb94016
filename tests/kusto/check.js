// Tells what Microsoft's own Kusto language service says of queries, and which columns they give.
//
//     node check.js FOLDER <input >output
//
// FOLDER is the installed package @kusto/language-service-next. Both ends are JSON:
//
//     input   {"schema": {TABLE: {COLUMN: TYPE}}, "queries": {NAME: TEXT}}
//     output  {NAME: {"diagnostics": [{code, severity, message, line, text}], "columns": [[COLUMN, TYPE]]}}
//
// Lines count from 1; `text` is the piece of the query that is meant. A query that gives no table has no columns.
'use strict';

const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { runInThisContext } = require('node:vm');

// The package is made for browsers: its scripts share one global object, and each needs the one before.
const SCRIPTS = ['bridge.min.js', 'Kusto.Language.Bridge.min.js'];

function load(folder) {
  for (const name of SCRIPTS) {
    const filename = join(folder, name);
    runInThisContext(readFileSync(filename, 'utf8'), { filename });
  }
  return globalThis.Kusto.Language;
}

// Its lists are those of .NET.
function toArray(list) {
  return Array.from({ length: list.Count }, (_, index) => list.getItem(index));
}

function describeTable(language, name, columns) {
  const pairs = Object.entries(columns).map(([column, type]) => `['${column}']:${type}`);
  // The numbers of the constructors are those of the C# overloads: name, schema as text, description.
  return new language.Symbols.TableSymbol.$ctor7(name, `(${pairs.join(',')})`, null);
}

function describeWorkspace(language, schema) {
  const tables = Object.entries(schema).map(([name, columns]) => describeTable(language, name, columns));
  // A closed database: a table or column that it does not know is an error, not one that may yet come.
  const workspace = new language.Symbols.DatabaseSymbol.$ctor3('workspace', null, tables, false);
  return language.GlobalState.Default.WithDatabase(workspace);
}

function describeDiagnostic(query, { Code, Severity, Message, Start, Length }) {
  return {
    code: Code,
    severity: Severity,
    message: Message,
    line: query.slice(0, Start).split('\n').length,
    text: query.slice(Start, Start + Length),
  };
}

function check(language, workspace, query) {
  const code = language.KustoCode.ParseAndAnalyze(query, workspace);
  const columns = code.ResultType?.Columns;
  return {
    diagnostics: toArray(code.GetDiagnostics()).map((found) => describeDiagnostic(query, found)),
    columns: columns ? toArray(columns).map(({ Name, Type }) => [Name, Type.Name]) : [],
  };
}

function main() {
  const { schema, queries } = JSON.parse(readFileSync(0, 'utf8'));
  const language = load(process.argv[2]);
  const workspace = describeWorkspace(language, schema);
  const reports = Object.entries(queries).map(([name, query]) => [name, check(language, workspace, query)]);
  process.stdout.write(JSON.stringify(Object.fromEntries(reports)));
}

main();
