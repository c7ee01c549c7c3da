// Prints, as JSON, what Gmail, Outlook and Apple Mail do not understand of the HTML files named:
// {feature: [mail programs that do not support it at all]}, from caniemail.com's tables.
import { readFileSync } from 'node:fs';
import { caniemail } from 'caniemail';

const clients = ['gmail.*', 'outlook.*', 'apple-mail.*'];
const found = {};
for (const file of process.argv.slice(2)) {
  const { issues } = caniemail({ clients, html: readFileSync(file, 'utf8') });
  for (const [client, list] of issues.errors) {
    for (const { title } of list) (found[title] ??= new Set()).add(client);
  }
}
const sorted = Object.entries(found).sort(([a], [b]) => a.localeCompare(b));
console.log(JSON.stringify(Object.fromEntries(sorted.map(([title, who]) => [title, [...who].sort()]))));
