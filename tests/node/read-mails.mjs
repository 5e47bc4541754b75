// Reads mails by postal-mime: read-mails.mjs MODULE FILE... prints, for each file, what a client would show, as JSON.
import { readFileSync } from "node:fs";
import { argv, stdout } from "node:process";
import { pathToFileURL } from "node:url";

const { default: PostalMime } = await import(pathToFileURL(argv[2]));
const mails = [];
for (const file of argv.slice(3)) {
  const { html, text, subject, headers, attachments } = await PostalMime.parse(readFileSync(file));
  const unsubscribe = headers.find(header => header.key === "list-unsubscribe").value;
  mails.push({ html, text, subject, unsubscribe, attachments: attachments.length });
}
stdout.write(JSON.stringify(mails));
